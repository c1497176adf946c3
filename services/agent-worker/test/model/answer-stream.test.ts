import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { createAnswerReader } from "../../src/model/answer-reader.ts";
import { createAnswerStream } from "../../src/model/answer-stream.ts";
import { chunk } from "./fake-provider.ts";

test("an answer whose end cannot be told fails", async () => {
  let ends = 0;
  const reader = {
    ...createAnswerReader("m"),
    end() {
      // Who tries for ever ends by that of the stack, and not even by that.
      if (++ends > 10) throw new Error("tried again and again");
      throw new RangeError("it cannot be written");
    },
  };
  const answer = createAnswerStream({
    ...{ reader, clean: (words: string) => words, holdMs: () => 0 },
    ...{ onEvents() {}, onProgress() {}, onSkipped() {} },
  });
  const body = Readable.from([Buffer.from(`data: ${JSON.stringify(chunk({}, "stop"))}\n\ndata: [DONE]\n\n`)]);
  answer.read({ body, hold() {} });
  await expect(answer.result).rejects.toMatchObject({ code: "MODEL_TRUNCATED" });
  expect(ends).toBe(2);
});

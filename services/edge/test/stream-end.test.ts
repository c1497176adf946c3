import { expect, test } from "vitest";
import { createStreamJudge } from "../src/hub/stream-end.ts";

const known = { createdMs: 1_000, intake: { last: 50 } };
const stream = (lastSeq: number, createdMs = 1_000) => ({ createdMs, firstSeq: 1, lastSeq, firstMs: createdMs });

test("a stream that was made at the same time and goes as far or further is the same", () => {
  const judge = createStreamJudge();
  expect([judge(stream(50), known, 0), judge(stream(70), known, 0)]).toEqual(["same", "same"]);
});

test("one that was made at another time is another one at once, however far it goes", () => {
  const judge = createStreamJudge();
  expect([judge(stream(50, 1_001), known, 0), judge(stream(70, 999), known, 0)]).toEqual(["other", "other"]);
});

test("one that ends below what came of it is another one when it still does so after two seconds", () => {
  const judge = createStreamJudge();
  expect(judge(stream(40), known, 10_000)).toBe("shorter");
  expect(judge(stream(45), known, 11_999)).toBe("shorter");
  expect(judge(stream(45), known, 12_000)).toBe("other");
});

test("a server that only stood still is not believed the next time either", () => {
  const judge = createStreamJudge();
  expect(judge(stream(40), known, 10_000)).toBe("shorter");
  expect(judge(stream(50), known, 10_500)).toBe("same");
  expect(judge(stream(40), known, 12_500)).toBe("shorter");
});

import { describe, expect, test } from "vitest";
import { createLogger } from "@parley/runtime";
import { createModelAbilities } from "../../src/model/abilities.ts";
import type { ModelRule } from "../../src/model/model-rules.ts";
import type { ModelRequest } from "../../src/model/model.ts";
import { providerFrom } from "../../src/model/provider.ts";
import {
  chunk,
  collect,
  collectUntilError,
  createClient,
  never,
  question,
  sendStream,
  startProvider,
  writeChunks,
} from "./fake-provider.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const provider = providerFrom({ OPENAI_BASE_URL: "https://host/v1", OPENAI_API_KEY: "k", OPENAI_MODEL: "m" });
const abilitiesWith = (...rules: ModelRule[]) => createModelAbilities({ provider, rules, log });
const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({ ...question, ...more });

describe("how answers begin", () => {
  const open = (abilities: ReturnType<typeof abilitiesWith>, model = "m", start: "open" | "tagged" = "open") =>
    abilities.reading(request({ model })).onStartKnown?.(start);

  test("is learned from three answers in a row that ended reasoning which they had not begun, for their model", () => {
    const abilities = abilitiesWith();
    for (let answers = 0; answers < 3; answers++) {
      expect(abilities.reading(request())).toMatchObject({ startsInside: false });
      open(abilities);
    }
    expect(abilities.reading(request())).toMatchObject({ startsInside: true, isCertain: false });
    expect(abilities.reading(request({ model: "other" }))).toMatchObject({ startsInside: false });
  });

  test("is not learned where another answer came between", () => {
    const abilities = abilitiesWith();
    for (let answers = 0; answers < 5; answers++) {
      open(abilities);
      open(abilities);
      open(abilities, "m", "tagged");
    }
    expect(abilities.reading(request())).toMatchObject({ startsInside: false });
  });

  test("is forgotten at once when an answer began otherwise", () => {
    const abilities = abilitiesWith();
    for (let answers = 0; answers < 3; answers++) open(abilities);
    open(abilities, "m", "tagged");
    expect(abilities.reading(request())).toMatchObject({ startsInside: false });
    open(abilities);
    expect(abilities.reading(request())).toMatchObject({ startsInside: false });
  });

  test.each(["open", "tagged"] as const)("is what a rule says, whatever answers show: %s", (reasoning_start) => {
    const abilities = abilitiesWith({ model: "*", server: "*", reasoning_start });
    for (let answers = 0; answers < 5; answers++) open(abilities, "m", reasoning_start === "open" ? "tagged" : "open");
    const startsInside = reasoning_start === "open";
    const neverInside = reasoning_start === "tagged";
    expect(abilities.reading(request())).toMatchObject({ startsInside, isCertain: true, neverInside });
  });

  test("is not told by an answer to somebody who asked for such a tag", () => {
    const asks = (role: "user" | "tool" | "assistant") => {
      const message = role === "tool" ? { role, tool_call_id: "x" } : { role };
      const messages = [{ ...message, content: "Write </think> on a line." }];
      return abilitiesWith().reading(request({ messages })).isAskedFor?.();
    };
    expect([asks("user"), asks("tool"), asks("assistant")]).toEqual([true, true, false]);
  });
});

test("a doubtful end of reasoning is text in the first answer, and no more when the next one ends so", async () => {
  const texts = ["hm\n</think>\nHello", "hm\n</think>\nHello", "Noon", "hm\n</think>\nHello"];
  await using server = await startProvider((res, _request, turn) => {
    sendStream(res, chunk({ content: texts[turn] }), chunk({}, "stop"));
  });
  const client = createClient(server.baseURL);
  const kinds = async () => (await collect(client, request(), never())).map(({ type }) => type);
  expect(await kinds()).toEqual(["text", "end"]);
  expect(await kinds()).toEqual(["reasoning", "text", "end"]);
  expect(await kinds()).toEqual(["text", "end"]);
  expect(await kinds()).toEqual(["text", "end"]);
});

test("one answer with a bare end of reasoning does not change how the next ones are read", async () => {
  const texts = ["hm\n</think>\n\nHello", "Noon is", "Noon"];
  await using server = await startProvider((res, _request, turn) => {
    sendStream(res, chunk({ content: texts[turn] }), chunk({}, "stop"));
  });
  const client = createClient(server.baseURL);
  const kinds = async () => (await collect(client, request(), never())).map(({ type }) => type);
  expect(await kinds()).toEqual(["reasoning", "text", "end"]);
  expect(await kinds()).toEqual(["text", "end"]);
  expect(await kinds()).toEqual(["text", "end"]);
});

test.each([
  ["its connection breaks off", "MODEL_TRUNCATED"],
  ["nothing more comes", "MODEL_TIMEOUT"],
])("an answer that is read from within the reasoning keeps its text when %s", async (what, code) => {
  await using server = await startProvider((res, _request, turn) => {
    if (turn < 3) return sendStream(res, chunk({ content: "hm\n</think>\nHello" }, "stop"));
    writeChunks(res, chunk({ content: "Noon" }));
    if (code === "MODEL_TRUNCATED") setTimeout(() => res.destroy(), 50);
  });
  const client = createClient(server.baseURL, { idleMs: 300 });
  for (let answers = 0; answers < 3; answers++) await collect(client, request(), never());
  const { events, error } = await collectUntilError(client, request(), never());
  expect(error, what).toMatchObject({ code });
  expect(events).toEqual([
    { type: "reasoning", text: "Noon" },
    { type: "text", text: "Noon" },
  ]);
});

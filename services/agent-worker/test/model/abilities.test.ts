import { describe, expect, test } from "vitest";
import { createLogger } from "@parley/runtime";
import { createModelAbilities } from "../../src/model/abilities.ts";
import { Abilities, type ModelRule } from "../../src/model/model-rules.ts";
import type { ModelMessage, ModelRequest } from "../../src/model/model.ts";
import { providerFrom } from "../../src/model/provider.ts";
import { chunk, collect, createClient, never, sendJson, sendStream, startProvider, withTool } from "./fake-provider.ts";
import { otherRefusals, refusals, refusalsWithoutTools, repeatedRefusals } from "./refusals.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const at = (host: string) =>
  providerFrom({ OPENAI_BASE_URL: `https://${host}/v1`, OPENAI_API_KEY: "k", OPENAI_MODEL: "m" });
const abilitiesAt = (host: string, rules: ModelRule[] = [], clock = () => 0) =>
  createModelAbilities({ provider: at(host), rules, log, clock });
const rule = (more: Partial<ModelRule>): ModelRule => ({ model: "*", server: "*", ...more });

const call = (id: string, more: object = {}) => ({
  id,
  type: "function" as const,
  function: { name: "clock", arguments: "{}" },
  ...more,
});
/** An answer with two calls, as the context has it. */
const step = (fields: object = {}): ModelMessage[] => [
  {
    ...fields,
    role: "assistant",
    content: null,
    tool_calls: [call("call_1", { extra_content: { g: 1 } }), call("call_2")],
  },
  { role: "tool", tool_call_id: "call_1", content: "12:00" },
  { role: "tool", tool_call_id: "call_2", content: "13:00" },
];
const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  ...withTool,
  maxOutputTokens: 99,
  messages: [{ role: "system", content: "Be kind." }, { role: "user", content: "now?" }, ...step()],
  ...more,
});
const rolesOf = (messages: readonly ModelMessage[]) => messages.map(({ role }) => role);

describe("a refusal teaches", () => {
  /** Where every field is sent. */
  const host = "x.openai.azure.com";
  const everything = () => abilitiesAt(host);

  test.each(refusals)("%s (%i)", (_name, status, words, lesson) => {
    const abilities = everything();
    const asked = request();
    abilities.bodyOf(asked);
    expect(abilities.learn(asked, { status, words })).toBe(true);
    const settled = abilitiesAt(host, [rule(lesson)]);
    expect(abilities.bodyOf(asked)).toEqual(settled.bodyOf(asked));
    // What was refused once more is refused for good.
    expect(abilities.learn(asked, { status, words })).toBe(false);
  });

  test.each(repeatedRefusals)("one thing after the other, where it is the same again: %s", (words, ...lessons) => {
    const abilities = everything();
    const asked = request();
    abilities.bodyOf(asked);
    for (const lesson of lessons) {
      expect(abilities.learn(asked, { status: 400, words })).toBe(true);
      expect(abilities.bodyOf(asked)).toEqual(abilitiesAt(host, [rule(lesson)]).bodyOf(asked));
    }
    expect(abilities.learn(asked, { status: 400, words })).toBe(false);
  });

  test.each(otherRefusals)("nothing by its words about %s (%i)", (_name, status, words) => {
    expect(everything().learn(request(), { status, words })).toBe(false);
  });

  test.each(refusalsWithoutTools)(
    "calls as text where there are no tools, and nothing about tools: %s",
    (_name, words) => {
      const abilities = abilitiesAt("host");
      const toolless = request({ tools: [], messages: request().messages.slice(1) });
      abilities.bodyOf(toolless);
      expect(abilities.learn(toolless, { status: 400, words })).toBe(true);
      expect(rolesOf(abilities.bodyOf(toolless).messages)).toEqual(["user", "assistant", "user"]);
      abilities.answered(toolless);
      expect(abilities.bodyOf(request())).toMatchObject({ tools: withTool.tools, messages: request().messages });
    },
  );

  test("nothing about what was not sent", () => {
    const plain = request({ tools: [], messages: [{ role: "user", content: "hello" }] });
    const abilities = abilitiesAt("host", [rule({ stream_options: false, stream: false })]);
    for (const [, status, words, lesson] of refusals) {
      if ("alternating_roles" in lesson || "output_limit_field" in lesson) continue;
      expect([words, abilities.learn(plain, { status, words })]).toEqual([words, false]);
    }
  });

  test("one model, and no other", () => {
    const abilities = abilitiesAt("host");
    const asked = request({ model: "old" });
    expect(abilities.learn(asked, { status: 400, words: "old does not support tools" })).toBe(true);
    expect(abilities.bodyOf(asked)).not.toHaveProperty("tools");
    abilities.answered(asked);
    expect(abilities.bodyOf(request({ model: "old" }))).not.toHaveProperty("tools");
    expect(abilities.bodyOf(request({ model: "new" }))).toHaveProperty("tools");
  });

  test("one request, until the model has taken it in the other form", () => {
    const abilities = abilitiesAt("host");
    const asked = request();
    expect(abilities.learn(asked, { status: 400, words: "does not support tools" })).toBe(true);
    expect(abilities.bodyOf(asked)).not.toHaveProperty("tools");
    expect(abilities.bodyOf(request())).toHaveProperty("tools");
    expect(abilities.learn(asked, { status: 400, words: "the prompt is bad" })).toBe(false);
    expect(abilities.bodyOf(request())).toHaveProperty("tools");
  });

  test("nothing that did not help: the same words again take it back", () => {
    const abilities = abilitiesAt("host");
    const asked = request();
    const refusal = { status: 400, words: "does not support tools" };
    abilities.bodyOf(asked);
    expect(abilities.learn(asked, refusal)).toBe(true);
    abilities.bodyOf(asked);
    expect(abilities.learn(asked, refusal)).toBe(false);
    expect(abilities.bodyOf(asked)).toHaveProperty("tools");
    abilities.answered(asked);
    expect(abilities.bodyOf(request())).toHaveProperty("tools");
  });

  test.each<[Partial<ModelRule>, string]>([
    [{ tools: true }, "does not support tools"],
    [{ system_role: "system" }, "System role not supported"],
  ])("nothing that a rule of the operator says otherwise: %j", (more, words) => {
    const abilities = abilitiesAt("host", [rule(more)]);
    expect(abilities.learn(request(), { status: 400, words })).toBe(false);
    expect(abilitiesAt("host", [rule({ ...more, model: "other" })]).learn(request(), { status: 400, words })).toBe(
      true,
    );
  });

  test.each([
    ["does not support tools", true],
    ["System role not supported", true],
    ["reasoning_content must be passed back", true],
    ["unknown field stream_options", false],
  ])("what %j says, for ten minutes only: %s", (words, isForgotten) => {
    let now = 0;
    const abilities = abilitiesAt("host", [], () => now);
    const plain = abilities.bodyOf(request());
    const asked = request();
    abilities.bodyOf(asked);
    expect(abilities.learn(asked, { status: 400, words })).toBe(true);
    const other = abilities.bodyOf(asked);
    abilities.answered(asked);
    now = 9 * 60_000;
    expect(abilities.bodyOf(request())).toEqual(other);
    now = 10 * 60_000;
    expect(abilities.bodyOf(request())).toEqual(isForgotten ? plain : other);
  });

  test("also a request that was on its way when another one learned it", () => {
    const abilities = abilitiesAt("host");
    const [first, second] = [request(), request()];
    abilities.bodyOf(first);
    abilities.bodyOf(second);
    const refusal = { status: 400, words: "does not support tools" };
    expect(abilities.learn(first, refusal)).toBe(true);
    expect(abilities.learn(second, refusal)).toBe(true);
    abilities.bodyOf(second);
    expect(abilities.learn(second, refusal)).toBe(false);
  });

  test("as often as there are abilities, and then no more, whatever is said", () => {
    const abilities = everything();
    const asked = request({ messages: [...request().messages.slice(0, 2), ...step({ reasoning_content: "hm" })] });
    let repeated = 0;
    for (let round = 0; round < 10; round++) {
      for (const [, status, words] of refusals) {
        abilities.bodyOf(asked);
        if (abilities.learn(asked, { status, words })) repeated++;
      }
    }
    expect(repeated).toBeLessThanOrEqual(Object.keys(Abilities.shape).length);
  });
});

describe("the body of a request", () => {
  const messagesWith = (ability: Partial<ModelRule>, messages = request().messages) =>
    abilitiesAt("host", [rule(ability)]).bodyOf(request({ messages })).messages;

  test("has ids of nine letters and digits on both sides, the same for the same, and leaves those that fit", () => {
    const [, , asked, ...results] = messagesWith({ call_ids: "alphanumeric9" });
    const ids = asked?.role === "assistant" ? (asked.tool_calls ?? []).map(({ id }) => id) : [];
    expect(ids.map((id) => /^[A-Za-z0-9]{9}$/.test(id))).toEqual([true, true]);
    expect(new Set(ids).size).toBe(2);
    expect(results).toMatchObject(ids.map((id) => ({ tool_call_id: id })));
    const own = [{ role: "tool" as const, tool_call_id: "O4kbyHTo9", content: "x" }];
    expect(messagesWith({ call_ids: "alphanumeric9" }, own)).toEqual(own);
  });

  test("has no null beside calls where that is refused", () => {
    expect(messagesWith({})[2]).toMatchObject({ content: null });
    expect(messagesWith({ null_content: false })[2]).toMatchObject({ content: "" });
  });

  test("has a full stop beside calls where no text is refused too", () => {
    const bare = { null_content: false, empty_content: false };
    expect(messagesWith(bare)[2]).toMatchObject({ content: "." });
    const single = messagesWith({ ...bare, calls_per_message: "one" });
    expect(single.filter(({ role }) => role === "assistant")).toMatchObject([{ content: "." }, { content: "." }]);
    expect(messagesWith({ empty_content: false })[2]).toMatchObject({ content: null });
  });

  test("names the tools of results where that is wanted", () => {
    expect(messagesWith({ result_names: true }).slice(3)).toMatchObject([{ name: "clock" }, { name: "clock" }]);
    expect(messagesWith({})[3]).not.toHaveProperty("name");
  });

  test("shows calls as text where there are no tools and that is refused, without a note", () => {
    const toolless = request({ tools: [] });
    const { messages } = abilitiesAt("host", [rule({ calls_without_tools: false })]).bodyOf(toolless);
    expect(rolesOf(messages)).toEqual(["system", "user", "assistant", "user"]);
    expect(messages[0]?.content).toBe("Be kind.");
    expect(messagesWith({ calls_without_tools: false })).toEqual(request().messages);
  });

  test("tells the model what it is in the role it takes", () => {
    expect(messagesWith({ system_role: "developer" })[0]).toEqual({ role: "developer", content: "Be kind." });
    expect(messagesWith({ system_role: "user" })[0]).toEqual({ role: "user", content: "Be kind.\n\nnow?" });
  });

  test("has each call in a message of its own where several are refused", () => {
    const messages = messagesWith({ calls_per_message: "one" });
    expect(rolesOf(messages)).toEqual(["system", "user", "assistant", "tool", "assistant", "tool"]);
    expect(messages.slice(2)).toMatchObject([
      { tool_calls: [{ id: "call_1" }] },
      { tool_call_id: "call_1" },
      { tool_calls: [{ id: "call_2" }] },
      { tool_call_id: "call_2" },
    ]);
  });

  test("shows calls as text to a model without tools, in roles that take turns, and tells it", () => {
    const answered = [...request().messages, { role: "assistant" as const, content: "Noon." }];
    const messages = messagesWith({ tools: false }, answered);
    expect(rolesOf(messages)).toEqual(["system", "user", "assistant", "user", "assistant"]);
    expect(messages[0]?.content).toMatch(/no tools here.*\n\nBe kind\.$/s);
    expect(messages[2]?.content).toContain("clock");
    expect(messages[3]?.content).toBe("12:00\n\n13:00");
    expect(abilitiesAt("host", [rule({ tools: false })]).bodyOf(request())).not.toHaveProperty("tools");
  });

  test("joins messages of one role where they must alternate", () => {
    const two = [
      { role: "user" as const, content: "a" },
      { role: "user" as const, content: "b" },
    ];
    expect(messagesWith({ alternating_roles: true }, two)).toEqual([{ role: "user", content: "a\n\nb" }]);
    expect(messagesWith({}, two)).toEqual(two);
  });

  test.each([
    ["never", undefined],
    ["kept", "hm"],
    ["always", "hm"],
  ] as const)("gives reasoning back: %s", (reasoning_back, expected) => {
    const [asked] = messagesWith({ reasoning_back }, step({ reasoning_content: "hm" }));
    expect(asked).toHaveProperty("content", null);
    expect("reasoning_content" in (asked ?? {}) ? asked : {}).toMatchObject(
      expected ? { reasoning_content: expected } : {},
    );
  });

  test("has a blank where reasoning is wanted and there is none", () => {
    expect(messagesWith({ reasoning_back: "always" }, step())[0]).toMatchObject({ reasoning_content: " " });
  });

  test("gives reasoning between tags back as text, and under its own name never", () => {
    const tagged = step({ tagged_reasoning: "hm" });
    expect(messagesWith({ reasoning_back: "kept" }, tagged)[0]).toMatchObject({ content: "<think>hm</think>\n\n" });
    for (const reasoning_back of ["never", "kept", "always"] as const)
      expect(messagesWith({ reasoning_back }, tagged)[0]).not.toHaveProperty("tagged_reasoning");
  });

  test("gives fields of calls back, unless they are refused", () => {
    const fieldsOf = (ability: Partial<ModelRule>) =>
      JSON.stringify(messagesWith(ability, step({ extra_content: { m: 1 } })));
    expect(fieldsOf({})).toContain('"extra_content":{"g":1}');
    expect(fieldsOf({})).toContain('"extra_content":{"m":1}');
    expect(fieldsOf({ call_fields: false })).not.toContain("extra_content");
  });

  test("is that of a plain request where nothing is known of a server", () => {
    expect(abilitiesAt("host").bodyOf(request())).toEqual({
      model: "m",
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 99,
      tools: withTool.tools,
      messages: request().messages,
    });
  });
});

describe("what is known of models", () => {
  const bodyAt = (host: string, model: string, rules: ModelRule[] = []) =>
    abilitiesAt(host, rules).bodyOf(request({ model }));
  const idsOf = (host: string, model: string) => JSON.stringify(bodyAt(host, model).messages).includes("call_1");

  test.each([
    ["api.mistral.ai", "anything", false],
    ["host", "mistralai/Mistral-Small-3.2", false],
    ["host", "devstral", false],
    ["host", "qwen3", true],
  ])("at %s %s has our ids: %s", (host, model, expected) => {
    expect(idsOf(host, model)).toBe(expected);
  });

  test("OpenAI's limit of the output has its newer name", () => {
    expect(bodyAt("api.openai.com", "gpt-4.1")).toMatchObject({ max_completion_tokens: 99, parallel_tool_calls: true });
  });

  test("rules of the operator go before it, later ones before earlier ones", () => {
    const rules = [
      rule({ server: "*.mistral.*", call_ids: "any", stream_options: false }),
      rule({ model: "*-large", stream_options: true }),
    ];
    expect(JSON.stringify(bodyAt("api.mistral.ai", "small", rules))).toContain("call_1");
    expect(bodyAt("api.mistral.ai", "small", rules)).not.toHaveProperty("stream_options");
    expect(bodyAt("api.mistral.ai", "mistral-large", rules)).toHaveProperty("stream_options");
  });
});

test("of many models the ones that were used last are remembered", () => {
  const abilities = abilitiesAt("host");
  const learn = (model: string) => {
    const asked = request({ model });
    abilities.learn(asked, { status: 400, words: "does not support tools" });
    abilities.answered(asked);
  };
  for (let i = 0; i < 300; i++) learn(`m${i}`);
  expect(abilities.bodyOf(request({ model: "m299" }))).not.toHaveProperty("tools");
  expect(abilities.bodyOf(request({ model: "m0" }))).toHaveProperty("tools");
});

test("a server that refuses tools, ids and nulls is asked until it answers, and then only once", async () => {
  const rounds = refusals.filter(([name]) =>
    /^(?:Mistral, call ids|OpenAI, content|Gemma's template|Ollama, tools)$/.test(name),
  );
  await using server = await startProvider((res, _request, turn) => {
    const [, status, words] = rounds[turn] ?? ["", 200, ""];
    if (status !== 200) return sendJson(res, status, { error: { message: words } });
    sendStream(res, chunk({ content: "It is noon." }, "stop"));
  });
  const client = createClient(server.baseURL);
  const texts = (await collect(client, request(), never())).flatMap((event) =>
    event.type === "text" ? event.text : [],
  );
  expect(texts).toEqual(["It is noon."]);
  expect(server.requests).toHaveLength(rounds.length + 1);
  await collect(client, request(), never());
  expect(server.requests).toHaveLength(rounds.length + 2);
  expect(server.requests.at(-1)?.body).not.toHaveProperty("tools");
});

test("a refusal that no other form of the request helps changes nothing for other requests", async () => {
  await using server = await startProvider((res, { body }) => {
    if (JSON.stringify(body).includes("bad")) {
      const message = "tools" in body ? "does not support tools" : "the prompt is bad";
      return sendJson(res, 400, { error: { message } });
    }
    sendStream(res, chunk({ content: "It is noon." }, "stop"));
  });
  const client = createClient(server.baseURL);
  const bad = request({ messages: [{ role: "user", content: "bad" }] });
  await expect(collect(client, bad, never())).rejects.toMatchObject({ code: "MODEL_UNAVAILABLE" });
  expect(server.requests).toHaveLength(2);
  await collect(client, request(), never());
  expect(server.requests.at(-1)?.body).toHaveProperty("tools");
});

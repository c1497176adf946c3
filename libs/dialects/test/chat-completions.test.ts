import {
  createTurnView,
  foldEvent,
  isVisible,
  textOf,
  type AnswerMetadata,
  type Outcome,
  type Parts,
  type TurnView,
} from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { history } from "../../protocol/test/histories.ts";
import { createChatCompletionsSpeech } from "../src/chat-completions/dialect.ts";
import { completionOf } from "../src/chat-completions/encode.ts";
import type { ChatCompletionsOptions } from "../src/chat-completions/state.ts";
import { createTurnSteps } from "../src/turn/steps.ts";

const place = { conversation_id: "c_test", turn_id: "t" };
const options: ChatCompletionsOptions = { model: "parley", createdS: 1_700_000_000 };

const Chunk = z.looseObject({
  id: z.string(),
  object: z.literal("chat.completion.chunk"),
  created: z.number(),
  model: z.string(),
  choices: z.array(
    z.looseObject({
      delta: z.looseObject({
        role: z.string().optional(),
        content: z.string().optional(),
        reasoning_content: z.string().optional(),
        tool_calls: z.array(z.looseObject({ index: z.number(), id: z.string() })).optional(),
      }),
      finish_reason: z.string().nullable(),
    }),
  ),
  usage: z.looseObject({ total_tokens: z.number() }).nullish(),
});
const Failure = z.object({ error: z.looseObject({ message: z.string(), code: z.string() }) });
const Line = z.union([Failure, Chunk]);

/** What OpenAI's client makes of the stream: it reads lines until `[DONE]`. */
function createClient(given: ChatCompletionsOptions = options) {
  const speech = createChatCompletionsSpeech(given);
  const steps = createTurnSteps(speech.steps);
  const lines: z.infer<typeof Line>[] = [];
  let next: string = "more";
  let isDone = false;
  return {
    lines,
    see(view: TurnView): void {
      if (next !== "more") return;
      const said = speech.say(steps.advance(view), place);
      next = said.next;
      for (const line of Buffer.concat(said.bytes).toString().split("\n\n").slice(0, -1)) {
        if (isDone) throw new Error("Something came after [DONE].");
        const text = line.replace(/^data: /, "");
        if (text === "[DONE]") isDone = true;
        else lines.push(Line.parse(JSON.parse(text)));
      }
    },
    get next() {
      return next;
    },
    get isDone() {
      return isDone;
    },
    chunks: () => lines.flatMap((line) => ("error" in line ? [] : [line])),
    errors: () => lines.flatMap((line) => ("error" in line ? [line.error] : [])),
    text(): string {
      return this.chunks()
        .flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? ""))
        .join("");
    },
    finish(): string | null | undefined {
      return this.chunks()
        .flatMap(({ choices }) => choices.map((choice) => choice.finish_reason))
        .findLast((reason) => reason !== null);
    },
  };
}

const text = (said: string) => ({ type: "text", text: said }) as const;
const usage = { input_tokens: 3, output_tokens: 4 };
const ended = (metadata: AnswerMetadata = {}): Outcome => ({
  type: "complete",
  response: "",
  message_id: "t-a",
  tool_calls: [],
  usage,
  metadata,
});
const turn = (parts: Parts, more: Partial<TurnView> = {}): TurnView => ({
  ...createTurnView("t"),
  status: "running",
  parts,
  ...more,
});
const whole = (parts: Parts, metadata?: AnswerMetadata) =>
  turn(parts, { status: "complete", outcome: ended(metadata) });

const call = { type: "tool_call", call_id: "t-0-0", tool_name: "look", arguments: {} } as const;
const weather = { call_id: "t-1-0", tool_name: "get_weather", arguments: '{"city":"Bonn"}' };

describe("a stream of chunks", () => {
  test("tells the whole text, or its end in some other way than as a good one", () => {
    fc.assert(
      fc.property(history, (events) => {
        const last = events.at(-1)?.event.turn_id ?? "t1";
        const client = createClient();
        let view = createTurnView(last);
        for (const { event } of events.filter((one) => one.event.turn_id === last)) {
          view = foldEvent(view, event);
          if (isVisible(event.type) && event.type !== "message") client.see(view);
        }
        if (view.outcome === undefined) return;
        expect(client.isDone).toBe(client.next === "end");
        const end = { text: client.text(), finish: client.finish(), errors: client.errors().length };
        const isWhole = client.isDone && view.outcome.type === "complete";
        const bad = { text: end.text, finish: undefined, errors: client.isDone ? 1 : 0 };
        expect(end).toEqual(isWhole ? { text: textOf(view), finish: "stop", errors: 0 } : bad);
      }),
    );
  });

  test("begins with the role, and all chunks have one id", () => {
    const client = createClient();
    client.see(turn([]));
    expect(client.chunks()[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "" });
    client.see(whole([text("Hi")]));
    expect(new Set(client.chunks().map(({ id, created, model }) => `${id} ${created} ${model}`))).toEqual(
      new Set(["chatcmpl-t 1700000000 parley"]),
    );
  });

  test("says nothing of the agent's tools and, unless asked, of its reasoning", () => {
    const parts: Parts = [{ type: "reasoning", text: "Hm." }, text("I look."), call, text(" Done.")];
    const client = createClient();
    client.see(whole(parts));
    expect(client.text()).toBe("I look. Done.");
    expect(JSON.stringify(client.lines)).not.toMatch(/Hm|tool_calls|look"/);
    const asking = createClient({ ...options, hasReasoning: true });
    asking.see(whole(parts));
    const reasoning = asking.chunks().map(({ choices }) => choices[0]?.delta.reasoning_content ?? "");
    expect(reasoning.join("")).toBe("Hm.");
  });

  test("tells the cost in a last chunk, if that is asked for", () => {
    const client = createClient({ ...options, hasUsage: true });
    client.see(whole([text("Hi")]));
    const last = client.chunks().at(-1);
    expect(last?.choices).toEqual([]);
    expect(last?.usage).toEqual({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 });
    const others = client.chunks().slice(0, -1);
    expect(others.map((chunk) => chunk.usage)).toEqual(others.map(() => null));
  });

  test.each([
    [{ finish: "stop" }, "stop"],
    [{ finish: "length" }, "length"],
    [{ finish: "content_filter" }, "content_filter"],
    [{ finish: "empty" }, "stop"],
    [{ finish: "a newer word" }, "stop"],
    [{ finish: "stop", client_calls: [weather] }, "tool_calls"],
  ])("says how it ended (%j)", (metadata, finish) => {
    const client = createClient();
    client.see(whole([text("Hi")], metadata));
    expect(client.finish()).toBe(finish);
  });

  test("hands the client the calls of its own tools", () => {
    const client = createClient();
    client.see(whole([], { client_calls: [weather] }));
    const calls = client.chunks().flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    const name = { name: "get_weather", arguments: '{"city":"Bonn"}' };
    expect(calls).toEqual([{ index: 0, id: "t-1-0", type: "function", function: name }]);
  });

  test("ends with a sentence where a person has to agree", () => {
    const asked = { ...call, approval: { summary: "Look?" } };
    const client = createClient();
    client.see(turn([text("I look."), asked], { status: "waiting" }));
    expect(client.text()).toBe(
      "I look.\n\n[This answer waits for a person to agree to `look`. Decide in Parley, in the conversation c_test: it goes on there.]",
    );
    expect(client.finish()).toBe("stop");
    expect(client.chunks().at(-1)).toMatchObject({ parley: { status: "waiting", conversation_id: "c_test" } });
    expect(client.isDone).toBe(true);
  });

  test("is cut where an answer that begins anew says something else", () => {
    const client = createClient();
    client.see(turn([text("Hello, wor")]));
    client.see(turn([text("Good day")]));
    expect([client.next, client.isDone, client.finish()]).toEqual(["cut", false, undefined]);
  });

  test("tells an answer that was stopped as an error", () => {
    const outcome: Outcome = {
      type: "cancelled",
      response: "Hi",
      message_id: "t-a",
      tool_calls: [],
      usage,
      reason: "asked",
    };
    const client = createClient();
    client.see(turn([text("Hi")], { status: "cancelled", outcome }));
    expect(client.errors()).toMatchObject([
      { code: "cancelled", message: "The answer was stopped before it was complete." },
    ]);
  });
});

describe("a whole answer", () => {
  test("has text, cost and end", () => {
    expect(completionOf(whole([text("Hi "), call, text("you")], { finish: "length" }), place, options)).toEqual({
      id: "chatcmpl-t",
      object: "chat.completion",
      created: 1_700_000_000,
      model: "parley",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hi you", refusal: null },
          logprobs: null,
          finish_reason: "length",
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    });
  });

  test("has no text where there are calls of the client's tools alone", () => {
    expect(completionOf(whole([], { client_calls: [weather] }), place, options)).toMatchObject({
      choices: [{ message: { content: null, tool_calls: [{ id: "t-1-0" }] }, finish_reason: "tool_calls" }],
    });
  });

  test("is an error where it was stopped", () => {
    const outcome: Outcome = { ...ended(), type: "error", error: "No.", code: "MODEL_TIMEOUT", retryable: true };
    expect(() => completionOf(turn([], { status: "error", outcome }), place, options)).toThrow("No.");
  });
});

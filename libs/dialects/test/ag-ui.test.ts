import {
  createTurnView,
  foldEvent,
  isTerminal,
  isVisible,
  type Outcome,
  type Parts,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { history } from "../../protocol/test/histories.ts";
import { createAgUiSpeech, sayThread, type AgUiSpeechOptions } from "../src/ag-ui/dialect.ts";
import { answerMessages } from "../src/ag-ui/state.ts";
import { createTurnSteps } from "../src/turn/steps.ts";
import type { NotedEvent } from "../src/turn/turn-step.ts";
import { createAgUiClient, type ClientMessage } from "./ag-ui-client.ts";

const place = { conversation_id: "c", turn_id: "t" };
const names = { threadId: "thread", runId: "run" };
const question: ClientMessage = { id: "m1", role: "user", content: "why?" };

/** A run with a client, fed with views of the turn. */
function begin(more: Partial<AgUiSpeechOptions> = {}, has: readonly ClientMessage[] = [question]) {
  const speech = createAgUiSpeech({ ...names, isOne: true, thread: [question], ...more });
  const steps = createTurnSteps(speech.steps);
  const client = createAgUiClient(has);
  return {
    client,
    speech,
    see(view: TurnView, note?: NotedEvent) {
      const { bytes, next } = speech.say(steps.advance(view, note), { ...place, turn_id: view.turn_id });
      client.take(bytes);
      return next;
    },
  };
}

const text = (said: string) => ({ type: "text", text: said }) as const;
const reasoning = (said: string) => ({ type: "reasoning", text: said }) as const;
const call: ToolCallPart = { type: "tool_call", call_id: "t-0-0", tool_name: "look", arguments: { at: 1 } };
const done: ToolCallPart = { ...call, status: "completed", result: "seen" };
const turn = (parts: Parts, more: Partial<TurnView> = {}): TurnView => ({
  ...createTurnView("t"),
  status: "running",
  parts,
  ...more,
});
const ended = { message_id: "t-a", tool_calls: [], usage: { input_tokens: 3, output_tokens: 4 } };
const complete: Outcome = { type: "complete", response: "", ...ended, metadata: { agent: "ops", model: "m" } };
const cancelled: Outcome = { type: "cancelled", response: "", ...ended, reason: "cancelled by user" };
const failed: Outcome = { type: "error", response: "", ...ended, error: "No.", code: "TOOL_FAILED", retryable: true };

describe("a run", () => {
  test("has text, reasoning, calls of one step in one message, and results", () => {
    const { see, client } = begin();
    const second: ToolCallPart = { ...call, call_id: "t-0-1", status: "failed", result: "broken" };
    const third: ToolCallPart = { ...done, call_id: "t-1-0" };
    expect(see(turn([reasoning("Hm."), text("I loo")]))).toBe("more");
    see(turn([reasoning("Hm."), text("I look."), call, { ...call, call_id: "t-0-1" }]));
    see(turn([reasoning("Hm."), text("I look."), done, second, third]));
    const parts = [reasoning("Hm."), text("I look."), done, second, third, text("So.")];
    expect(see(turn(parts, { status: "complete", outcome: complete }))).toBe("end");
    expect(client.messages.map(({ id, role }) => `${role} ${id}`)).toEqual([
      "user m1",
      "reasoning t-r",
      "assistant t-a",
      "tool t-0-0-result",
      "tool t-0-1-result",
      "assistant t-a-1",
      "tool t-1-0-result",
      "assistant t-a-2",
    ]);
    expect(client.messages[2]).toMatchObject({ content: "I look.", toolCalls: [{ id: "t-0-0" }, { id: "t-0-1" }] });
    expect(client.events.find(({ messageId }) => messageId === "t-0-1-result")).toMatchObject({
      content: "broken",
      metadata: { status: "failed" },
    });
    expect(client.events.at(-1)).toMatchObject({
      type: "RUN_FINISHED",
      ...names,
      outcome: { type: "success" },
      result: { status: "complete", messageId: "t-a", agent: "ops", model: "m" },
      usage: [{ model: "m", inputTokens: 3, outputTokens: 4, totalTokens: 7 }],
    });
  });

  test.each([
    [true, complete, ["RUN_STARTED", "RUN_FINISHED"], { type: "success" }],
    [false, complete, ["RUN_STARTED", "RUN_FINISHED"], undefined],
    [true, cancelled, ["RUN_STARTED", "RUN_FINISHED"], { type: "cancelled" }],
    [false, cancelled, ["RUN_STARTED", "CUSTOM", "RUN_FINISHED"], undefined],
    [true, failed, ["RUN_STARTED", "RUN_ERROR"], undefined],
    [false, failed, ["RUN_STARTED", "RUN_ERROR"], undefined],
  ])("ends with the words that the client knows (1.0: %s, %o)", (isOne, outcome, types, said) => {
    const { see, client } = begin({ isOne });
    see(turn([], { status: outcome.type, outcome }));
    expect(client.types()).toEqual(types);
    expect(client.events.at(-1)?.["outcome"]).toEqual(said);
    expect(client.events[0]?.["protocolVersion"]).toBe(isOne ? "1.0" : undefined);
    expect(client.events.at(-1)).toMatchObject(
      outcome.type === "error" ? { message: "No.", code: "TOOL_FAILED" } : names,
    );
  });

  test("shows what is of the moment as activities, which end with it", () => {
    const { see, client } = begin();
    const common = { ...place, ts: 1 };
    see(turn([]), { type: "thinking", ...common, attempt: 1, n: 0, message: "Let me see." });
    see(turn([]), { type: "progress", ...common, attempt: 1, n: 1, step: "generating", message: "I write." });
    see(turn([call]), { type: "tool_call_progress", ...common, call_id: "t-0-0", message: "half" });
    see(turn([done]));
    see(turn([done], { status: "complete", outcome: complete }));
    const activities = client.events.filter(({ type }) => type.startsWith("ACTIVITY"));
    expect(activities.map(({ type, messageId }) => `${type} ${messageId}`)).toEqual([
      "ACTIVITY_SNAPSHOT t-progress",
      "ACTIVITY_DELTA t-progress",
      "ACTIVITY_SNAPSHOT t-0-0-progress",
      "ACTIVITY_DELTA t-0-0-progress",
      "ACTIVITY_DELTA t-progress",
    ]);
  });

  test("names the sources that were found so far", () => {
    const { see, client } = begin();
    const source = (title: string) => ({ type: "source", title }) as const;
    see(turn([source("A")]));
    see(turn([source("A"), source("B"), text("So.")]));
    expect(client.events.filter(({ type }) => type === "ACTIVITY_SNAPSHOT").at(-1)).toMatchObject({
      messageId: "t-sources",
      content: { sources: [{ title: "A" }, { title: "B" }] },
    });
  });

  test("says of a deleted conversation that it failed", () => {
    const { speech, client } = begin();
    client.take(speech.refuse({ type: "error", error: "Gone.", code: "NOT_FOUND", retryable: false }));
    expect(client.events).toMatchObject([{ type: "RUN_ERROR", message: "Gone.", code: "NOT_FOUND" }]);
  });
});

describe("an answer that begins anew", () => {
  test("loses what was taken back, under new names, and leaves nothing of it", () => {
    const { see, client } = begin();
    see(turn([text("First."), done, text("I thi")]));
    see(turn([text("First."), done], { attempt: 2 }));
    expect(client.messages.at(-1)).toEqual({ id: "t-a-1", role: "assistant", content: "" });
    see(turn([text("First."), done, text("It is so.")]));
    expect(client.messages.at(-1)).toMatchObject({ id: "t-a-2", content: "It is so." });
    see(turn([text("First."), done, text("It is so.")], { status: "complete", outcome: complete }));
    expect(client.messages.map(({ id }) => id)).toEqual(["m1", "t-a", "t-0-0-result", "t-a-2"]);
  });
});

describe("a turn that waits for people", () => {
  const approval = { summary: "Delete it?", expires_at: 1_700_000_000_000 };
  const asked: ToolCallPart = { ...call, approval };
  const interrupted = (more: Partial<NonNullable<ToolCallPart["approval"]>> = {}) => {
    const { see, client } = begin({ isOne: false });
    const next = see(turn([text("I del"), { ...asked, approval: { ...approval, ...more } }], { status: "waiting" }));
    return { next, last: client.events.at(-1) };
  };

  test("ends the run with interrupts that a yes or no answers", () => {
    const { next, last } = interrupted();
    expect(next).toBe("end");
    const properties = { approved: { type: "boolean" }, reason: { type: "string" } };
    expect(last).toMatchObject({
      type: "RUN_FINISHED",
      outcome: {
        type: "interrupt",
        interrupts: [
          {
            id: "t-0-0",
            reason: "tool_call",
            toolCallId: "t-0-0",
            message: "Delete it?",
            expiresAt: "2023-11-14T22:13:20.000Z",
            responseSchema: { type: "object", properties, required: ["approved"] },
            metadata: { toolName: "look" },
          },
        ],
      },
    });
  });

  test("asks for what has to be typed or filled in", () => {
    const form = [{ name: "why", type: "string", required: true as const }];
    const { last } = interrupted({ confirm: "prod", form });
    expect(JSON.stringify(last)).toContain('"required":["approved","confirm","content"]');
  });

  test("goes on in another run with what the client has not", () => {
    const has = [text("I delete."), asked];
    const { see, client } = begin({ has }, [question, ...clientMessages(has)]);
    see(turn(has, { status: "waiting" }));
    expect(client.types()).toEqual(["RUN_STARTED"]);
    const decided = { ...done, approval: { ...approval, approved: true } };
    see(turn([text("I delete."), decided, text("Done.")], { status: "complete", outcome: complete }));
    const all = [text("I delete."), decided, text("Done.")];
    expect(client.messages.map(({ id }) => id)).toEqual(["m1", ...answerMessages("t", all).map(({ id }) => id)]);
    expect(client.types()).not.toContain("MESSAGES_SNAPSHOT");
  });

  test("drops a result that the client has made up, and says what did not count", () => {
    const has = [asked];
    const madeUp: ClientMessage = { id: "x", role: "tool", toolCallId: "t-0-0", content: '{"approved":true}' };
    const refusals = [{ interruptId: "t-0-0", code: "CONFLICT", message: "It was decided before." }];
    const { see, client } = begin({ has, isReplacing: true, refusals }, [question, ...clientMessages(has), madeUp]);
    see(turn(has));
    see(turn([done], { status: "complete", outcome: complete }));
    expect(client.messages.map(({ id }) => id)).toEqual(["m1", "t-a", "t-0-0-result"]);
    expect(client.events.find(({ type }) => type === "CUSTOM")).toMatchObject({ value: { code: "CONFLICT" } });
  });
});

describe("a client that comes back", () => {
  test("gets the thread and the answer from its beginning, whatever it has", () => {
    const partial: ClientMessage = { id: "t-a", role: "assistant", content: "Hel" };
    const { see, client } = begin({ isReplacing: true }, [question, partial]);
    see(turn([text("Hello, ")]));
    see(turn([text("Hello, world")], { status: "complete", outcome: complete }));
    const beginning = ["RUN_STARTED", "MESSAGES_SNAPSHOT", "MESSAGES_SNAPSHOT", "TEXT_MESSAGE_START"];
    expect(client.types().slice(0, 4)).toEqual(beginning);
    expect(client.messages.map(({ id }) => id)).toEqual(["m1", "t-a"]);
    expect(client.messages.at(-1)).toMatchObject({ id: "t-a", content: "Hello, world" });
  });

  test("gets a thread in which nothing runs", () => {
    const client = createAgUiClient();
    client.take([sayThread({ ...names, isOne: false, thread: [question] })]);
    expect(client.state).toBe("finished");
    expect(client.messages).toEqual([question]);
  });
});

function clientMessages(parts: Parts): ClientMessage[] {
  const client = createAgUiClient();
  client.take([sayThread({ ...names, isOne: true, thread: answerMessages("t", parts) })]);
  return [...client.messages];
}

/** The views of the last turn of a history after each of its events that viewers see. */
const viewsOfTurn = history.map((events): TurnView[] => {
  const last = events.at(-1)?.event.turn_id ?? "t0";
  let view = createTurnView(last);
  return events
    .filter(({ event }) => event.turn_id === last)
    .map(({ event }) => {
      view = foldEvent(view, event);
      return { event, view };
    })
    .filter(({ event }) => isVisible(event.type) && (event.type !== "message" || isTerminal(event.type)))
    .map((seen) => seen.view);
});

describe("whatever happens to an answer", () => {
  test.each([true, false])("its client has what the view has, and no event in the wrong place (1.0: %s)", (isOne) => {
    fc.assert(
      fc.property(viewsOfTurn, fc.array(fc.boolean(), { minLength: 1 }), (views, keep) => {
        const { see, client } = begin({ isOne });
        const seen = views.filter((_, index) => index === views.length - 1 || keep[index % keep.length]);
        for (const view of seen) see(view);
        const last = views.at(-1);
        if (last === undefined) return;
        const expected = createAgUiClient([question, ...clientMessages([])]);
        const messages = answerMessages(last.turn_id, last.parts);
        expected.take([sayThread({ ...names, isOne, thread: [question, ...messages] })]);
        expect(told(client)).toEqual(told(expected));
        const end = last.status === "error" ? "failed" : "finished";
        expect(client.state).toBe(last.outcome === undefined ? "running" : end);
      }),
    );
  });
});

/** Texts and calls in their order, and which calls have results: without names, which are others after something was taken back. */
function told({ shown }: ReturnType<typeof createAgUiClient>): object {
  const messages = shown();
  const said = messages
    .filter(({ role }) => role !== "tool")
    .map(({ role, content, toolCalls = [] }) => ({
      role,
      content,
      toolCalls: toolCalls.map(({ id, function: { name, arguments: args } }) => ({ id, name, args })),
    }));
  // Parallel calls return in any order.
  const returned = new Set(messages.flatMap(({ role, toolCallId }) => (role === "tool" ? [toolCallId] : [])));
  return { said, returned };
}

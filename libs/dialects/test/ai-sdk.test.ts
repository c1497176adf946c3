import {
  createTurnView,
  foldEvent,
  isTerminal,
  isVisible,
  type Outcome,
  type Parts,
  type ReadEvent,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { history } from "../../protocol/test/histories.ts";
import { placeOfRun, runIdOf } from "../src/ai-sdk/addresses.ts";
import { createAiSdkSpeech, type AiSdkSpeechOptions } from "../src/ai-sdk/dialect.ts";
import { createTurnSteps } from "../src/turn/steps.ts";
import type { NotedEvent } from "../src/turn/turn-step.ts";

const Chunk = z.looseObject({ type: z.string() });
type Chunk = z.infer<typeof Chunk>;

/** Chunks that a client of each major takes; any other ends its stream. Measured with the packages (docs/ai-sdk.md). */
const common = [
  ...["start", "start-step", "finish-step", "finish", "abort", "error"],
  ...["text-start", "text-delta", "text-end", "reasoning-start", "reasoning-delta", "reasoning-end"],
  ...["tool-input-available", "tool-output-available", "tool-output-error", "source-url", "source-document"],
];
const known = {
  5: new Set(common),
  6: new Set([...common, "tool-approval-request", "tool-output-denied"]),
  7: new Set([...common, "tool-approval-request", "tool-output-denied", "tool-approval-response", "reset-step"]),
};

type ClientPart = { type: string; id: string; says: string };

/** What `processUIMessageStream` does with chunks, and what it takes amiss. */
function createClient(version: 5 | 6 | 7) {
  let parts: ClientPart[] = [];
  let active = new Map<string, ClientPart>();
  const ends: string[] = [];
  const tool = (id: unknown): ClientPart => {
    const found = parts.findLast((part) => part.type === "tool" && part.id === id);
    if (found === undefined) throw new Error(`There is no call ${String(id)}.`);
    return found;
  };
  const growing = ({ type, id, delta }: Chunk): void => {
    const [kind = "", what] = type.split("-");
    const key = `${kind}:${String(id)}`;
    if (what === "start") {
      if (active.has(key)) throw new Error(`${key} was begun twice.`);
      const part = { type: kind, id: key, says: "" };
      parts.push(part);
      active.set(key, part);
      return;
    }
    const part = active.get(key);
    if (part === undefined) throw new Error(`${type} without its start.`);
    if (what === "delta") part.says += String(delta);
    else active.delete(key);
  };
  const check = ({ type }: Chunk): void => {
    const isLate = ends.length > 0 && !(ends[0] === "abort" && type === "finish");
    if (isLate) throw new Error(`${type} came after the end.`);
    if (!known[version].has(type) && !type.startsWith("data-")) throw new Error(`${type} is not known.`);
    if (type === "finish" && active.size > 0) throw new Error("A part was left open.");
  };
  const take = (chunk: Chunk): void => {
    const { type, toolCallId, title, approvalId } = chunk;
    if (/^(text|reasoning)-/.test(type)) growing(chunk);
    else if (type === "start-step") parts.push({ type: "step", id: "", says: "" });
    else if (type === "tool-input-available")
      parts.push({ type: "tool", id: String(toolCallId), says: String(toolCallId) });
    else if (type.startsWith("tool-")) tool(toolCallId ?? approvalId);
    else if (type.startsWith("source-")) parts.push({ type: "source", id: "", says: String(title) });
    else if (type === "reset-step") {
      parts = parts.slice(0, parts.findLastIndex((part) => part.type === "step") + 1);
      active = new Map();
    } else if (/^(finish|abort|error)$/.test(type)) ends.push(type);
  };
  return {
    ends,
    shown: () => parts.filter(({ type }) => type !== "step").map(({ says, type }) => `${type}:${says}`),
    take(chunk: Chunk): void {
      check(chunk);
      take(chunk);
    },
  };
}

function shownOf(parts: Parts): string[] {
  return parts.flatMap((part) => {
    if (part.type === "text" || part.type === "reasoning") return [`${part.type}:${String(part["text"])}`];
    if (part.type === "source") return [`source:${String(part["title"])}`];
    return part.type === "tool_call" ? [`tool:${String(part["call_id"])}`] : [];
  });
}

const place = { conversation_id: "c1", turn_id: "t" };

/** A stream: what it says of each view, and how it goes on after it. */
function stream(options: AiSdkSpeechOptions) {
  const speech = createAiSdkSpeech(options);
  const steps = createTurnSteps(speech.steps);
  return (view: TurnView, event?: NotedEvent): { chunks: Chunk[]; next: string; isDone: boolean } => {
    const { bytes, next } = speech.say(steps.advance(view, event), { ...place, turn_id: view.turn_id });
    const lines = Buffer.concat([...bytes])
      .toString()
      .split("\n\n")
      .slice(0, -1);
    const data = lines.map((line) => line.replace(/^data: /, ""));
    const chunks = data.filter((text) => text !== "[DONE]").map((text) => Chunk.parse(JSON.parse(text)));
    return { chunks, next, isDone: data.at(-1) === "[DONE]" };
  };
}

const seen = fc.tuple(history, fc.array(fc.boolean(), { minLength: 1 })).map(([events, keep]) => {
  const last = events.at(-1)?.event.turn_id ?? "t0";
  let view = createTurnView(last);
  const views: { view: TurnView; event: ReadEvent }[] = [];
  for (const { event } of events) {
    if (event.turn_id !== last) continue;
    view = foldEvent(view, event);
    if (isVisible(event.type) && (event.type !== "message" || isTerminal(event.type))) views.push({ view, event });
  }
  return views.filter((_, index) => index === views.length - 1 || (keep[index % keep.length] ?? true));
});

function isNoted(event: ReadEvent): event is NotedEvent {
  return event.type === "thinking" || event.type === "progress" || event.type === "tool_call_progress";
}

/** What a client has in the end of a stream of these views, and beside it what it should have had after each. */
function follow(version: 5 | 6 | 7, views: readonly { view: TurnView; event: ReadEvent }[]) {
  const [say, client] = [stream({ version }), createClient(version)];
  const after: { has: string[]; is: string[] }[] = [];
  for (const { view, event } of views) {
    const { chunks, next } = say(view, isNoted(event) ? event : undefined);
    for (const chunk of chunks) client.take(chunk);
    after.push({ has: client.shown(), is: shownOf(view.parts) });
    if (next !== "more") return { next, ends: client.ends, after };
  }
  return { next: "more", ends: client.ends, after };
}

const hasEnded = (views: readonly { view: TurnView }[]): boolean => views.at(-1)?.view.outcome !== undefined;

describe.each([5, 6, 7] as const)("a client of the AI SDK %i", (version) => {
  test("has the whole answer at its end, or sees that it has not", () => {
    fc.assert(
      fc.property(seen.filter(hasEnded), (views) => {
        const { next, ends, after } = follow(version, views);
        const last = after.at(-1);
        const isWhole = JSON.stringify(last?.has) === JSON.stringify(last?.is);
        const [end] = ends;
        return next === "cut" ? end === undefined : end === "error" || (end !== undefined && isWhole);
      }),
    );
  });
});

test("the seventh, which can take back, has at any time what there is", () => {
  fc.assert(
    fc.property(seen, (views) => {
      const { next, after } = follow(7, views);
      if (next === "cut") after.pop();
      expect(after.map(({ has }) => has)).toEqual(after.map(({ is }) => is));
    }),
  );
});

const turn = (parts: Parts, more: Partial<TurnView> = {}): TurnView => ({
  ...createTurnView("t"),
  status: "running",
  parts,
  ...more,
});
const text = (said: string) => ({ type: "text", text: said }) as const;
const call: ToolCallPart = { type: "tool_call", call_id: "t-0-0", tool_name: "look", arguments: { at: "it" } };
const asked: ToolCallPart = { ...call, approval: { summary: "Delete it?" } };
const agreed: ToolCallPart = { ...call, approval: { summary: "Delete it?", approved: true, by: { id: "ann" } } };
const ended = { message_id: "t-a", tool_calls: [], usage: { input_tokens: 3, output_tokens: 2 } };
const complete: Outcome = {
  type: "complete",
  response: "",
  ...ended,
  metadata: { agent: "ops", model: "m", finish: "length" },
};
const typesOf = (chunks: readonly Chunk[]): string[] => chunks.map(({ type }) => type);

test("an answer begins with its stable id and ends with what it cost", () => {
  const say = stream({ version: 6 });
  expect(say(turn([])).chunks).toEqual([
    { type: "start", messageId: "t-a", messageMetadata: place },
    { type: "start-step" },
  ]);
  expect(say(turn([text("Hi")])).chunks).toEqual([
    { type: "text-start", id: "0" },
    { type: "text-delta", id: "0", delta: "Hi" },
  ]);
  const { chunks, next, isDone } = say(turn([text("Hi")], { status: "complete", outcome: complete }));
  const messageMetadata = { ...place, usage: ended.usage, agent: "ops", model: "m", finish: "length" };
  expect(chunks).toEqual([
    { type: "text-end", id: "0" },
    { type: "finish-step" },
    { type: "finish", finishReason: "length", messageMetadata },
  ]);
  expect([next, isDone]).toEqual(["end", true]);
});

test.each([
  [7, "interrupted"],
  [6, "other"],
  [5, "other"],
] as const)("an answer that was stopped says why (%i)", (version, finishReason) => {
  const outcome: Outcome = { type: "cancelled", response: "", ...ended, reason: "cancelled by user" };
  const { chunks } = stream({ version })(turn([text("Hi")], { status: "cancelled", outcome }));
  expect(chunks.slice(-3)).toMatchObject([
    { type: "data-end", data: { code: "CANCELLED", reason: "cancelled by user" } },
    { type: "abort", reason: "cancelled by user" },
    { type: "finish", finishReason },
  ]);
});

test("an answer that failed has its code in a part, and its sentence last", () => {
  const failed = {
    error: "The language model cannot be reached.",
    code: "MODEL_UNAVAILABLE" as const,
    retryable: true,
  };
  const outcome: Outcome = { type: "error", response: "", ...ended, ...failed, retry_after_ms: 5 };
  const { chunks, next } = stream({ version: 6 })(turn([], { status: "error", outcome }));
  expect(chunks.slice(-2)).toEqual([
    { type: "data-error", data: { code: failed.code, retryable: true, retry_after_ms: 5 } },
    { type: "error", errorText: failed.error },
  ]);
  expect(next).toBe("end");
});

test.each([
  ["completed", 5, "tool-output-available"],
  ["failed", 5, "tool-output-error"],
  ["timeout", 7, "tool-output-error"],
  ["unknown", 6, "tool-output-error"],
  ["denied", 5, "tool-output-error"],
  ["denied", 6, "tool-output-denied"],
  ["denied", 7, "tool-output-denied"],
] as const)("a call that ended %s is told to %i as %s", (status, version, type) => {
  const approval = { summary: "Do it?", approved: status !== "denied" };
  const say = stream({ version });
  say(turn([call]));
  const { chunks } = say(turn([{ ...call, approval, status, result: "so" }]));
  expect(typesOf(chunks)).toContain(type);
});

test("progress of a call stands where its result will, and never after it", () => {
  const say = stream({ version: 6 });
  const progress = {
    type: "tool_call_progress",
    conversation_id: "c1",
    turn_id: "t",
    ts: 1,
    call_id: call.call_id,
    message: "half",
  } as const;
  say(turn([call]));
  expect(say(turn([call]), progress).chunks).toEqual([
    { type: "tool-output-available", toolCallId: call.call_id, output: "half", preliminary: true, dynamic: true },
  ]);
  say(turn([{ ...call, status: "completed", result: "ok" }]));
  expect(say(turn([{ ...call, status: "completed", result: "ok" }]), progress).chunks).toEqual([]);
});

describe("a question to a person", () => {
  const waiting = turn([text("I delete it."), asked], { status: "waiting" });

  test.each([6, 7] as const)("ends the stream of %i, until its client comes back", (version) => {
    const { chunks, next } = stream({ version })(waiting);
    expect(typesOf(chunks).slice(-5)).toEqual([
      ...["tool-input-available", "tool-approval-request", "data-approval", "finish-step", "finish"],
    ]);
    expect(chunks.at(-1)).toMatchObject({ finishReason: "tool-calls" });
    expect(next).toBe("end");
  });

  test("is a part for 5, whose stream goes on", () => {
    const say = stream({ version: 5 });
    const { chunks, next } = say(waiting);
    expect(chunks.at(-1)).toMatchObject({ type: "data-approval", id: call.call_id, data: { summary: "Delete it?" } });
    expect(next).toBe("more");
    expect(say(turn([text("I delete it."), agreed])).chunks.at(-1)).toMatchObject({ data: { approved: true } });
  });

  test("that was decided goes on behind what its client has, under the same id", () => {
    const say = stream({ version: 7, decided: [call.call_id] });
    // The decision is stored, and the event of it has not come here yet.
    expect(say(waiting)).toMatchObject({ chunks: [{ type: "start", messageId: "t-a" }], next: "more" });
    expect(typesOf(say(turn([text("I delete it."), agreed])).chunks)).toEqual(["data-approval"]);
    const done = { ...agreed, status: "completed", result: "deleted" } as const;
    expect(typesOf(say(turn([text("I delete it."), done, text("Done.")])).chunks)).toEqual([
      ...["tool-output-available", "start-step", "text-start", "text-delta"],
    ]);
  });

  test("that was decided and has gone on since is told whole, without what its client has", () => {
    const done = { ...agreed, status: "completed", result: "deleted" } as const;
    const first = { ...call, call_id: "t-0-1", status: "completed", result: "seen" } as const;
    const parts = [text("I look."), first, text("I delete it."), done, text("Done.")];
    const { chunks } = stream({ version: 6, decided: [call.call_id] })(turn(parts, { outcome: complete }));
    expect(typesOf(chunks)).toEqual([
      ...["start", "data-approval", "tool-output-available", "start-step", "text-start", "text-delta", "text-end"],
      ...["finish-step", "finish"],
    ]);
  });

  test("is not asked again in a replay once it was decided", () => {
    const { chunks } = stream({ version: 6 })(turn([agreed]));
    expect(typesOf(chunks)).not.toContain("tool-approval-request");
  });
});

test.each([
  [7, ["reset-step", "text-start", "text-delta"], "more"],
  [6, [], "cut"],
  [5, ["error"], "end"],
] as const)("a step that begins anew and says something else is for %i %j", (version, types, next) => {
  const say = stream({ version });
  say(turn([text("Hello, wor")]));
  const said = say(turn([text("Good day")]));
  expect(typesOf(said.chunks)).toEqual(types);
  expect(said.next).toBe(next);
});

test("a run's name leads to its turn, and to nothing else", () => {
  expect(placeOfRun(runIdOf(place))).toEqual(place);
  for (const name of ["c1", "run.c1", "run.c1.t.x", "run..t", "run.c 1.t", "ruin.c1.t"])
    expect(placeOfRun(name)).toBeUndefined();
});

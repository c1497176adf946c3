import {
  createTurnView,
  createView,
  foldFrame,
  messagesOf,
  turn as turnIn,
  turnOfRecord,
  type Parts,
  type TurnView,
} from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { history } from "../../protocol/test/histories.ts";
import { createNumberedSpeech, numberedHistoryOf, type NumberedFrom } from "../src/ai-sdk/numbered.ts";
import { createTurnSteps } from "../src/turn/steps.ts";
import { place, restartedAnswers, straightAnswers, viewsOf } from "./written-answers.ts";

const Chunk = z.looseObject({ type: z.string() });
type Chunk = z.infer<typeof Chunk>;

function chunksIn(bytes: readonly Uint8Array[]): Chunk[] {
  return bytes
    .map((piece) => Buffer.from(piece).toString())
    .filter((text) => text.startsWith("data: {"))
    .map((text) => Chunk.parse(JSON.parse(text.slice(6))));
}

interface Told {
  /** Those that have numbers. */
  readonly chunks: Chunk[];
  /** `asked`: it ended with a question, whose `finish` has no number. */
  readonly next: "more" | "end" | "cut" | "asked";
}

/** What a stream says that sees these views. */
function told(views: readonly TurnView[], from?: NumberedFrom): Told {
  const speech = createNumberedSpeech(from);
  const steps = createTurnSteps(speech.steps);
  const chunks: Chunk[] = [];
  for (const view of views) {
    const { bytes, next } = speech.say(steps.advance(view), place);
    chunks.push(...chunksIn(bytes));
    if (next === "end" && chunks.at(-1)?.["finishReason"] === "tool-calls")
      return { chunks: chunks.slice(0, -1), next: "asked" };
    if (next !== "more") return { chunks, next };
  }
  return { chunks, next: "more" };
}

/** All that there is of an answer as it stands. */
function wholeOf(views: readonly TurnView[]): Chunk[] {
  return told(views.slice(-1)).chunks;
}

/** Some of the views never come, and the first ones neither: a snapshot stands for them. */
function some(views: readonly TurnView[], keep: readonly boolean[]): TurnView[] {
  return views.filter((_, index) => index === views.length - 1 || keep[index % keep.length]);
}
const keeps = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });

const at = (index: number, has: readonly Chunk[]): NumberedFrom => ({ index, has, startsAnew: false });

/** The answer as its record says it. */
function recorded({ parts, outcome }: TurnView): TurnView | undefined {
  if (outcome === undefined) return undefined;
  const { type: status, message_id, usage } = outcome;
  const more = outcome.type === "error" ? { code: outcome.code, retryable: outcome.retryable } : {};
  const known = outcome.type === "complete" ? { metadata: outcome.metadata } : {};
  const answer = { message_id, author: { role: "assistant" as const }, parts: [...parts], ts: 1, status, usage };
  const question = { message_id: "t-u", id: "m", author: { role: "user" as const }, parts: [], ts: 1 };
  const record = { v: 2, kind: "turn" as const, ...place, question, answer: { ...answer, ...more, ...known } };
  const view = { ...createView(place.conversation_id), turns: [createTurnView("t")] };
  const messages = messagesOf([turnOfRecord(record, 1)]);
  const frame = { type: "snapshot" as const, conversation_id: "c1", seq: 1, ts: 0, status: "idle", messages };
  return turnIn(foldFrame(view, frame), "t");
}

/** What a client makes of chunks. */
function folded(chunks: readonly Chunk[]): string[] {
  const says = new Map<string, string>();
  const append = (key: unknown, more: string): void => {
    const known = says.get(String(key));
    if (known === undefined) throw new Error(`${String(key)} was not begun.`);
    says.set(String(key), known + more);
  };
  for (const chunk of chunks) {
    const { type, id, toolCallId } = chunk;
    if (/^(text|reasoning)-start$/.test(type)) says.set(String(id), `${type.split("-")[0]}:`);
    else if (type.endsWith("-delta")) append(id, String(chunk["delta"]));
    else if (type === "tool-input-available") says.set(String(toolCallId), `call:${String(toolCallId)}`);
    else if (type.startsWith("tool-output")) append(toolCallId, "=ended");
    else if (type.startsWith("source-"))
      says.set(`source ${String(chunk["title"])}`, `source:${String(chunk["title"])}`);
  }
  return [...says.values()];
}

function shownOf(parts: Parts): string[] {
  return parts.flatMap((part) => {
    if (part.type === "text" || part.type === "reasoning") return [`${part.type}:${String(part["text"])}`];
    if (part.type === "source") return [`source:${String(part["title"])}`];
    if (part.type !== "tool_call") return [];
    return [`call:${String(part["call_id"])}${part["status"] === undefined ? "" : "=ended"}`];
  });
}

/** The chunks from this number on, as far as they were said before a question. */
function expectRest({ chunks, next }: Told, whole: readonly Chunk[], index = 0): void {
  expect(next).not.toBe("cut");
  const rest = whole.slice(index);
  expect(chunks).toEqual(next === "asked" ? rest.slice(0, chunks.length) : rest);
}

describe("numbered chunks of an answer", () => {
  test("are the same in each stream of it, however it comes", () => {
    fc.assert(
      fc.property(straightAnswers, keeps, (events, keep) => {
        const views = viewsOf(events);
        for (const seen of [views, some(views, keep)]) expectRest(told(seen), wholeOf(views));
      }),
      { numRuns: 150 },
    );
  });

  test("are the same by its record", () => {
    fc.assert(
      fc.property(straightAnswers, (events) => {
        const views = viewsOf(events);
        const stored = recorded(views.at(-1) ?? createTurnView("t"));
        fc.pre(stored !== undefined);
        expect(told([stored])).toEqual(told(views.slice(-1)));
      }),
      { numRuns: 150 },
    );
  });

  test("are had whole in two streams, wherever the first one was cut", () => {
    fc.assert(
      fc.property(straightAnswers, keeps, fc.nat(), fc.nat(), (events, keep, cut, from) => {
        const views = viewsOf(events);
        const whole = wholeOf(views);
        const index = cut % (whole.length + 1);
        const seen = some(views.slice(from % views.length), keep);
        expectRest(told(seen, at(index, whole.slice(0, index))), whole, index);
      }),
      { numRuns: 200 },
    );
  });

  test("are counted in a turn's events as its streams say them", () => {
    fc.assert(
      fc.property(straightAnswers, (events) => {
        const views = viewsOf(events);
        expect(numberedHistoryOf(place, events)?.chunks).toEqual(wholeOf(views));
      }),
      { numRuns: 150 },
    );
  });

  test("make of a client what the answer has", () => {
    fc.assert(
      fc.property(straightAnswers, (events) => {
        const last = viewsOf(events).at(-1);
        fc.pre(last?.outcome !== undefined);
        expect(folded(told([last]).chunks)).toEqual(shownOf(last.parts));
      }),
      { numRuns: 150 },
    );
  });

  test("go on behind a question for the one who has decided, as they do for who sees all", () => {
    fc.assert(
      fc.property(straightAnswers, keeps, (events, keep) => {
        const views = viewsOf(events);
        const known = numberedHistoryOf(place, events);
        for (const step of ["0", "1", "2"]) {
          const index = known?.behind(step);
          if (known === undefined || index === undefined) continue;
          const { chunks, next } = told(some(views.slice(-3), keep), { behind: step });
          expect(chunks[0]).toEqual(known.chunks[0]);
          expectRest({ chunks: chunks.slice(1), next }, wholeOf(views), index);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("an answer that was begun anew", () => {
  /** A client that is cut after it has seen some views, and comes back when there are more events. */
  const lives = fc.tuple(restartedAnswers, keeps, fc.nat(), fc.nat(), fc.nat());

  test("is had whole, or its client sees that it is not", () => {
    let whole = 0;
    fc.assert(
      fc.property(lives, ([events, keep, joins, leaves, back]) => {
        const views = viewsOf(events);
        const first = joins % views.length;
        const left = first + (leaves % (views.length - first));
        const had = told(some(views.slice(first, left + 1), keep));
        const visible = events.filter(({ type }) => type !== "step" && type !== "claimed");
        fc.pre(had.next !== "asked" && had.next !== "end" && visible.length === views.length);
        const now = left + (back % (views.length - left));
        const known = numberedHistoryOf(place, events.slice(0, events.indexOf(visible[now]!) + 1));
        const index = had.chunks.length;
        if (known === undefined || known.isDoubtful(index) || index > known.chunks.length) return;
        const rest = told(some(views.slice(now), keep), at(index, known.chunks.slice(0, index)));
        if (rest.next === "cut") return;
        whole++;
        const both = { chunks: [...had.chunks, ...rest.chunks], next: rest.next };
        // An attempt that has not repeated yet what the one before said is behind what the client has.
        const all = wholeOf(views);
        const isBehind = views.at(-1)?.outcome === undefined && both.chunks.length > all.length;
        expectRest(isBehind ? { ...both, chunks: both.chunks.slice(0, all.length) } : both, all);
      }),
      { numRuns: 300 },
    );
    expect(whole).toBeGreaterThan(50);
  });

  test("is told to its end, or not at all, whatever its history", () => {
    fc.assert(
      fc.property(history, keeps, (stored, keep) => {
        const turn = stored.at(-1)?.event.turn_id;
        const views = viewsOf(stored.map(({ event }) => event).filter(({ turn_id }) => turn_id === turn));
        const { chunks, next } = told(some(views, keep));
        const last = views.at(-1);
        fc.pre(last?.outcome !== undefined && next !== "cut");
        expect(folded(chunks)).toEqual(shownOf(last.parts));
      }),
      { numRuns: 150 },
    );
  });
});

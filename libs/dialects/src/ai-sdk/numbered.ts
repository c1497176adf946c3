import { createTurnView, foldEvent, isVisible, type ReadEvent, type TurnView } from "@parley/protocol";
import { createOrderedSteps, stepOfCall, type OrderedStep } from "../turn/ordered-steps.ts";
import type { TurnSpeech } from "../turn/speech.ts";
import { createTurnSteps } from "../turn/steps.ts";
import type { TurnStep } from "../turn/turn-step.ts";
import type { TurnPlace } from "../turn-watch.ts";
import { aiSdkDialect, doneBytes, eventOf } from "./dialect.ts";
import { chunksOf, errorChunks, finishStep, type Chunk } from "./encode.ts";
import { createTold } from "./state.ts";

/**
 * Chunks whose numbers mean the same in each stream of a turn, for `WorkflowChatTransport`: it counts what it was sent, and asks for what follows. Nothing of
 * the moment is among them, and no `reset-step`: an answer that begins anew and says something else ends its numbers.
 *
 * The `finish` of a stream that ends with a question to people has no number. Who has it asks for nothing more, and what follows the answer to the question
 * stands in its place.
 */

const steps = { takesBack: "never" } as const;

/** Of the numbered chunks of a turn: from where on a stream has them. */
export type NumberedFrom =
  /** From this one on. `has`: those before it, as its client knows them. `startsAnew`: behind a `start`. */
  | { readonly index: number; readonly has: readonly Chunk[]; readonly startsAnew: boolean }
  /** What follows the calls of this step of the model, on which people have just decided, behind a `start`. */
  | { readonly behind: string };

interface Numbered {
  readonly chunk: Chunk;
  /** Undefined: it has none. */
  readonly number: number | undefined;
}

/** One turn as its numbered chunks. */
function createNumbering() {
  const ordered = createOrderedSteps();
  // The transport reads them by a schema of its own, which is older than that of the page.
  const told = createTold(6);
  /** By steps of the model in which people were asked: the number of the first chunk behind the question. */
  const behind = new Map<string, number>();
  let count = 0;

  const chunksOfStep = (step: OrderedStep, place: TurnPlace): Numbered[] => {
    const chunks = step.type === "paused" ? finishStep(told) : chunksOf([step], place, told).chunks;
    const numbered = chunks.map((chunk) => ({ chunk, number: step.type === "waiting" ? undefined : count++ }));
    if (step.type === "paused") for (const { call_id } of step.calls) behind.set(stepOfCall(call_id), count);
    return numbered;
  };
  return {
    behind,
    take: (given: readonly TurnStep[], place: TurnPlace): Numbered[] =>
      ordered.take(given).flatMap((step) => chunksOfStep(step, place)),
  };
}

/** Undefined: from the beginning. */
export function createNumberedSpeech(from?: NumberedFrom): TurnSpeech {
  const numbering = createNumbering();
  const isSaid = createChoice(from, numbering.behind);
  let hasSaid = false;
  return {
    name: aiSdkDialect,
    steps,
    say(given, place) {
      const chunks = numbering.take(given, place);
      const said = chunks.map(({ chunk, number }) => ({ chunk, is: isSaid(chunk, number) }));
      if (said.some(({ is }) => is === "other")) return { bytes: [], next: "cut" };
      const bytes = said.filter(({ is }) => is === "said").map(({ chunk }) => eventOf(chunk));
      const next = nextAfter(given, chunks);
      // A client waits for the head of the response, and takes silence for a lost connection.
      const opened = hasSaid || bytes.length > 0 ? [] : [comment];
      hasSaid = true;
      return { bytes: [...opened, ...bytes, ...(next === "end" ? [doneBytes] : [])], next };
    },
    refuse: (error) => [...errorChunks(error).map(eventOf), doneBytes],
  };
}

const comment = Buffer.from(":\n\n");

function nextAfter(given: readonly TurnStep[], chunks: readonly Numbered[]): "more" | "end" | "cut" {
  if (given.some(({ type }) => type === "diverged")) return "cut";
  const last = chunks.at(-1);
  return last !== undefined && isLast(last.chunk) ? "end" : "more";
}

function isLast({ type }: Chunk): boolean {
  return type === "finish" || type === "error";
}

/** Which of the chunks a client is sent. `other`: it has something else in this place. */
function createChoice(from: NumberedFrom | undefined, behind: ReadonlyMap<string, number>) {
  return (chunk: Chunk, number: number | undefined): "said" | "passed" | "other" => {
    if (from === undefined) return "said";
    if ("behind" in from) return isBehind(number, behind.get(from.behind)) ? "said" : "passed";
    const { index, has, startsAnew } = from;
    if (number === undefined || number >= index) return "said";
    const known = has[number];
    if (known !== undefined && !isSame(known, chunk)) return "other";
    return number === 0 && startsAnew ? "said" : "passed";
  };
}

/** The first chunk of a turn is its `start`. */
function isBehind(number: number | undefined, first: number | undefined): boolean {
  return number === 0 || (first !== undefined && (number === undefined || number >= first));
}

const saying = ["type", "id", "delta", "toolCallId", "toolName", "title", "approved"] as const;

/** Results, and what people are shown of a call, are kept in less room once the answer has ended. */
function isSame(one: Chunk, other: Chunk): boolean {
  return saying.every((field) => one[field] === other[field]);
}

/** What clients may have been told of a turn until now. */
export interface NumberedHistory {
  /** The chunks that have numbers. */
  readonly chunks: readonly Chunk[];
  /** How many there are for who comes now: also the one that has no number. */
  readonly length: number;
  readonly isOver: boolean;
  /** The number of the first chunk behind the question of this step of the model; undefined: nobody was asked in it. */
  behind(step: string): number | undefined;
  /** Whether who has so many chunks may have something else than the answer. */
  isDoubtful(count: number): boolean;
}

/** By all events of the turn in their order. Undefined: its beginning is not among them. */
export function numberedHistoryOf(place: TurnPlace, events: readonly ReadEvent[]): NumberedHistory | undefined {
  const own = events.filter((event) => "turn_id" in event && event.turn_id === place.turn_id);
  if (!hasBeginning(own)) return undefined;
  const former: Chunk[][] = [];
  let current = createAttempt(place);
  let view = createTurnView(place.turn_id);
  for (const event of own) {
    if (!isVisible(event.type)) continue;
    view = foldEvent(view, event);
    if (current.see(view)) continue;
    former.push(current.chunks);
    current = createAttempt(place);
    current.see(view);
  }
  const { chunks, behind } = current;
  return {
    chunks,
    length: chunks.length + (view.outcome === undefined && view.status === "waiting" ? 1 : 0),
    isOver: view.outcome !== undefined,
    behind: (step) => behind.get(step),
    isDoubtful: (count) => former.some((had) => count <= had.length && count > commonLength(had, chunks)),
  };
}

/** What is told of an answer as long as it says nothing else than before. */
function createAttempt(place: TurnPlace) {
  const turn = createTurnSteps(steps);
  const numbering = createNumbering();
  const chunks: Chunk[] = [];
  return {
    chunks,
    behind: numbering.behind,
    /** False: it has begun anew, and says something else. */
    see(view: TurnView): boolean {
      const given = turn.advance(view);
      for (const { chunk, number } of numbering.take(given, place)) if (number !== undefined) chunks.push(chunk);
      return given.every(({ type }) => type !== "diverged");
    },
  };
}

function commonLength(one: readonly Chunk[], other: readonly Chunk[]): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const [a, b] = [one[at], other[at]];
    if (a === undefined || b === undefined || !isSame(a, b)) return at;
  }
  return length;
}

/** Events go in the order in which they came: where the first of the turn's chain is, all are. */
function hasBeginning(events: readonly ReadEvent[]): boolean {
  const chained = events.filter((event) => "attempt" in event);
  return chained.length === 0 || chained.some((event) => event.attempt === 1 && event.n === 0);
}

import { createTurnView, type Parts, type TurnId } from "@parley/protocol";
import { createTurnSteps } from "../turn/steps.ts";
import type { GrowingKind, NotedEvent, TurnStep } from "../turn/turn-step.ts";
import type { Said, TurnSpeech } from "../turn/speech.ts";
import type { TurnPlace } from "../turn-watch.ts";
import { progressId } from "./addresses.ts";
import {
  called,
  ended,
  finished,
  found,
  framesOf,
  growing,
  interrupted,
  noted,
  notedNoMore,
  refused,
  returned,
  type AgUiEvent,
  type RunNames,
} from "./encode.ts";
import { createToldTurn, type ThreadMessage, type ToldTurn } from "./state.ts";

export interface AgUiSpeechOptions extends RunNames {
  /** The client knows what AG-UI has since 1.0. */
  readonly isOne: boolean;
  /** The thread up to the question, as the client has it or is to have it: snapshots replace all that a client has. */
  readonly thread: readonly ThreadMessage[];
  /** The client has something of the thread, or of the answer, that is to be replaced first. */
  readonly isReplacing?: boolean;
  /** What the client has of the answer, from a run that was interrupted. */
  readonly has?: Parts;
  /** What became of what its person said, where that does not count. */
  readonly refusals?: readonly DecisionRefusal[];
}

export interface DecisionRefusal {
  readonly interruptId: string;
  readonly code: string;
  readonly message: string;
}

interface Told extends AgUiSpeechOptions {
  /** Made when the turn is known. */
  turn: ToldTurn | undefined;
  /** The message that grows. */
  open: { readonly at: number; readonly kind: GrowingKind; readonly id: string } | undefined;
  /** Activities that are shown as going on, and their type. */
  readonly going: Map<string, string>;
}

/**
 * A turn as a run of AG-UI. A message or a call that was opened is closed before the run finishes, as the clients' verifier wants; what is taken back is told as a
 * snapshot in which it has no content, and what follows has new names.
 */
export function createAgUiSpeech(options: AgUiSpeechOptions): TurnSpeech {
  const told: Told = { ...options, turn: undefined, open: undefined, going: new Map() };
  return {
    name: "ag-ui",
    steps: { takesBack: "any", ...(options.has === undefined ? {} : { has: options.has }) },
    say(steps, place): Said {
      const events = steps.flatMap((step) => eventsOf(told, step, place));
      return { bytes: events.length === 0 ? [] : [framesOf(events)], next: nextAfter(steps) };
    },
    refuse: (error) => [framesOf([refused(error)])],
  };
}

function nextAfter(steps: readonly TurnStep[]): Said["next"] {
  if (steps.some(({ type }) => type === "diverged")) return "cut";
  return steps.some(({ type }) => type === "ended" || type === "waiting") ? "end" : "more";
}

/** A run that only says what a thread has. */
export function sayThread({ isOne, thread, threadId, runId }: AgUiSpeechOptions): Uint8Array {
  const names = { threadId, runId };
  const snapshot = thread.length === 0 ? [] : [snapshotOf(thread)];
  const events = [started(names, isOne), ...snapshot, finished(names, undefined, isOne ? "success" : undefined)];
  return framesOf(events);
}

function eventsOf(told: Told, step: TurnStep, place: TurnPlace): AgUiEvent[] {
  const turn = (told.turn ??= toldBefore(place.turn_id, told.has));
  if ("kind" in step) return growthOf(told, turn, step);
  switch (step.type) {
    case "started":
      return startOf(told, turn, place);
    case "called":
      return called(step.call, turn.call(step.at, step.call));
    case "returned":
      turn.result(step.call);
      return [returned(step.call), ...endActivity(told, progressId(step.call.call_id))];
    case "found":
      return [found(place.turn_id, turn.find(step.at, step.source))];
    case "noted":
      return noteOf(told, step.event, place.turn_id);
    case "restarted": {
      turn.takeBack(step.from);
      return [...closeOpen(told, step.from), snapshotOf([...told.thread, ...turn.messages(false)])];
    }
    case "waiting":
      return [...settled(told, turn), interrupted(namesOf(told), step.calls)];
    case "ended":
      return [...settled(told, turn), ...ended(namesOf(told), step.outcome, told.isOne)];
    default:
      return [];
  }
}

function growthOf(told: Told, turn: ToldTurn, step: Extract<TurnStep, { kind: GrowingKind }>): AgUiEvent[] {
  const { at, kind } = step;
  if (step.type === "closed") return closeOpen(told, at);
  if (step.type === "added") return growing[kind].add(turn.grow(at, step.text), step.text);
  const id = turn.open(at, kind);
  told.open = { at, kind, id };
  return growing[kind].open(id);
}

/** Ends the message that grows, if it is of this part or a later one. */
function closeOpen(told: Told, from: number): AgUiEvent[] {
  const { open } = told;
  if (open === undefined || open.at < from) return [];
  told.open = undefined;
  return growing[open.kind].close(open.id);
}

function namesOf({ threadId, runId }: RunNames): RunNames {
  return { threadId, runId };
}

/** As the stream before has told it. */
function toldBefore(turn: TurnId, has: Parts | undefined): ToldTurn {
  const told = createToldTurn(turn);
  const steps = createTurnSteps({ takesBack: "any" }).advance({ ...createTurnView(turn), parts: has ?? [] });
  for (const step of steps) {
    if (step.type === "opened") told.open(step.at, step.kind);
    if (step.type === "added") told.grow(step.at, step.text);
    if (step.type === "called") told.call(step.at, step.call);
    if (step.type === "returned") told.result(step.call);
    if (step.type === "found") told.find(step.at, step.source);
  }
  return told;
}

function started(names: RunNames, isOne: boolean, place?: TurnPlace): AgUiEvent {
  return {
    type: "RUN_STARTED",
    ...names,
    ...(isOne ? { protocolVersion: "1.0" } : {}),
    ...(place === undefined ? {} : { metadata: { conversation_id: place.conversation_id, turn_id: place.turn_id } }),
  };
}

function startOf(told: Told, turn: ToldTurn, place: TurnPlace): AgUiEvent[] {
  const { isOne, thread, isReplacing, refusals = [] } = told;
  const replaced = isReplacing === true ? replacing([...thread, ...turn.messages(true)], place.turn_id) : [];
  const custom = refusals.map((value) => ({ type: "CUSTOM", name: "decision_refused", value }));
  return [started(namesOf(told), isOne, place), ...replaced, ...custom];
}

/**
 * Makes a client forget what it has of an answer. One snapshot is not enough for all: assistant-ui keeps what a snapshot lacks, and then drops what comes under the
 * same name; only where the order of messages is another one it begins anew. A message of no content that stands before all others, and is gone at once, makes it so.
 */
function replacing(messages: readonly ThreadMessage[], turn: TurnId): AgUiEvent[] {
  const moment = { id: `${turn}-replaced`, role: "system", content: "" };
  return [snapshotOf([moment, ...messages]), snapshotOf(messages)];
}

function snapshotOf(messages: readonly ThreadMessage[]): AgUiEvent {
  return { type: "MESSAGES_SNAPSHOT", messages };
}

function noteOf({ going }: Told, event: NotedEvent, turn: TurnId): AgUiEvent[] {
  const said = noted(turn, event, new Set(going.keys()));
  const { messageId, activityType } = said;
  if (typeof messageId === "string" && typeof activityType === "string") going.set(messageId, activityType);
  return [said];
}

function endActivity({ going }: Told, id: string): AgUiEvent[] {
  const type = going.get(id);
  return type === undefined || !going.delete(id) ? [] : [notedNoMore(id, type)];
}

/** What a run says before it ends: that nothing of the moment goes on, and what is left where something was taken back. */
function settled(told: Told, turn: ToldTurn): AgUiEvent[] {
  const over = [...told.going.keys()].flatMap((id) => endActivity(told, id));
  if (!turn.hasTakenBack()) return over;
  return [...over, snapshotOf([...told.thread, ...turn.messages(true)])];
}

import type { SeenApproval } from "./call-approval.ts";
import { foldDecision, type Decisions } from "./decisions.ts";
import {
  appended,
  beginningOf,
  foldParts,
  isTerminal,
  jsonTextBytes,
  limits,
  noParts,
  type FinishedToolCall,
  type Outcome,
  type Parts,
  type ReadEvent,
  type StoredEvent,
  type StepCall,
  type Usage,
  type unreadableEvent,
} from "@parley/protocol";
import { addedUsage } from "./usage/added-usage.ts";
import { foldCalls, type UncommittedCalls } from "./usage/uncommitted-calls.ts";

/** A model step that asked for tools and is committed: it stays, whoever dies. */
export interface CommittedStep {
  readonly step: number;
  /** Text of this step alone. */
  readonly text: string;
  readonly calls: readonly StepCall[];
  /** Where it stands in the event stream. Absent: its events are forgotten, and it is known from its wait. */
  readonly seq?: number;
}

/** A step of which only the facts of its calls are left: its text and what it cost are forgotten. */
export type RebuiltStep = Pick<CommittedStep, "step" | "calls">;

/** What the log says about a turn: all that a worker needs to go on where another one stopped. */
export interface TurnFold {
  /** Attempts so far; 0: nobody has claimed it. */
  attempt: number;
  /** Attempts that ended by a worker handing the turn over, or by a wait for a person. */
  released: number;
  /** Stream sequence of the chain's last event; 0: there is none. */
  seq: number;
  /** What viewers have: all text stored, uncommitted steps included. */
  text: string;
  /** The same with its calls and sources, in their order. */
  parts: Parts;
  /** The part of `text` that committed steps wrote, and what the answer begins with whatever they say. */
  committedText: string;
  /** What the answer begins with, as it was decided before the model was asked; empty: with what the model says. */
  opening: string;
  /** Viewers have reasoning of a step that is not committed. */
  reasoned: boolean;
  /** All reasoning that was told, encoded. */
  reasoningBytes: number;
  readonly steps: CommittedStep[];
  /** Steps that follow these and are not in the chain any more: they are committed anew, before anything else. */
  rebuilt: readonly RebuiltStep[];
  readonly started: Set<string>;
  readonly results: Map<string, FinishedToolCall>;
  /** Calls for which a person's agreement was asked. */
  readonly asked: Set<string>;
  /** What is known of that, by the facts, which decide: of calls that were looked up. */
  readonly approvals: Map<string, SeenApproval>;
  usage: Usage;
  /** Calls of the model that `usage` does not have. */
  readonly uncommitted: UncommittedCalls;
  /** The log was lost in mid-turn: viewers may have text that is not in it any more. */
  forgotten: boolean;
  /** Its chain does not say all: its record may tell how it ended. */
  mayHaveEnded: boolean;
  /** A viewer has seen that the turn began. */
  visible: boolean;
  /** What was decided on the way to the answer: whoever takes the turn over does not decide it again. */
  decisions: Decisions;
  /** What viewers were told of the way to the answer (see `progressKey`). Of a turn that has waited all of it. */
  told: Set<string> | "all";
  /** Something of it is there without its beginning: the event stream was full, and dropped that before its time. */
  beginningLost: boolean;
  /** Where the last attempt is in its trace. */
  trace: string | undefined;
  /** The worker of the last attempt says so when it is asked whether it has the turn. */
  answers: boolean;
  /** How the last attempt ended if its worker was not lost. */
  letGo: "handed over" | "waited" | undefined;
  /** Its beginning is that of its wait: its events were forgotten meanwhile. */
  isFromWait: boolean;
  /** How long its workers have had it, all attempts together, each by its own clock. */
  workedMs: number;
  /** When the chain's last event was written. */
  writtenAt: number;
  cancel?: { by: string; reason: string };
  /** How it was decided to end; nothing else may be decided then. */
  ending?: Outcome;
  /** When that was, by the clock of whoever decided; 0: it is not decided. */
  endedAt: number;
  ended: boolean;
}

export function createTurnFold(): TurnFold {
  return {
    attempt: 0,
    released: 0,
    seq: 0,
    text: "",
    parts: noParts,
    committedText: "",
    opening: "",
    reasoned: false,
    reasoningBytes: 0,
    steps: [],
    rebuilt: [],
    started: new Set(),
    results: new Map(),
    asked: new Set(),
    approvals: new Map(),
    usage: { input_tokens: 0, output_tokens: 0 },
    uncommitted: { calls: 0, chars: 0 },
    forgotten: false,
    mayHaveEnded: false,
    visible: false,
    decisions: {},
    told: new Set(),
    beginningLost: false,
    trace: undefined,
    answers: false,
    letGo: undefined,
    isFromWait: false,
    workedMs: 0,
    writtenAt: 0,
    endedAt: 0,
    ended: false,
  };
}

/** What a worker writes only after it has said that the turn began (`thinking`). */
const afterBeginning: ReadonlySet<string> = new Set<ReadEvent["type"]>([
  "progress",
  "token",
  "reasoning",
  "tool_call_start",
]);

/** Folds one event of the turn, in the order of the log. */
export function foldEvent(fold: TurnFold, seq: number, event: ReadEvent): void {
  if ("attempt" in event) {
    fold.seq = seq;
    // Attempts that are forgotten count for no limit, for whoever claims it after them and for all that come after that one.
    if (event.type === "claimed") fold.released += Math.max(0, event.attempt - fold.attempt - 1);
    fold.attempt = event.attempt;
    foldWriter(fold, event);
    foldTime(fold, event);
  }
  foldCalls(fold.uncommitted, event);
  if (isTerminal(event.type)) fold.ended = true;
  fold.parts = foldParts(fold.parts, event);
  switch (event.type) {
    case "thinking":
      fold.visible = true;
      return;
    case "token":
      fold.text = appended(fold.text, event.token);
      return;
    case "reasoning":
      fold.reasoned = true;
      fold.reasoningBytes += jsonTextBytes(event.token);
      return;
    case "turn_restarted":
      fold.text = event.text;
      fold.reasoned = false;
      return;
    case "step":
      commitStep(fold, seq, event);
      return;
    case "tool_call_start":
      fold.started.add(event.call_id);
      return;
    case "tool_call_end":
      fold.results.set(event.call_id, finishedCallOf(event));
      return;
    case "ending":
      fold.ending = event.outcome;
      fold.endedAt = event.ts;
      return;
    default:
      foldAside(fold, event);
  }
}

/** Whatever comes out differently for another worker is told once more. */
export function progressKey({ step, message }: { readonly step: string; readonly message: string }): string {
  return `${step}: ${message}`;
}

/** What viewers were told on the way, and what others want: a person, or the tool that needs a person's word. */
function foldAside(fold: TurnFold, event: ReadEvent): void {
  if (event.type === "progress") {
    fold.decisions = foldDecision(fold.decisions, event);
    if (fold.told !== "all") fold.told.add(progressKey(event));
  }
  if (event.type === "_opening") fold.opening = event.text;
  if (event.type === "approval_required") fold.asked.add(event.call_id);
  if (event.type === "cancel_requested") fold.cancel = { by: event.by, reason: event.reason };
}

/** Who has the turn, how the one before let go of it, and whether something of it is missing. */
function foldWriter(fold: TurnFold, event: ReadEvent): void {
  if (!fold.visible && afterBeginning.has(event.type)) fold.beginningLost = true;
  if (event.type === "claimed") {
    fold.trace = event.trace;
    fold.answers = event.answers === true;
    fold.letGo = undefined;
  }
  if (event.type === "released" || event.type === "waiting") {
    fold.released++;
    fold.letGo = event.type === "waiting" ? "waited" : "handed over";
  }
}

/** A clock may jump: no silence within an attempt counts for more than this. */
const longestSilenceMs = 120_000;

function foldTime(fold: TurnFold, { type, ts }: Exclude<ReadEvent, typeof unreadableEvent>): void {
  // Between two attempts nobody works; what was before the first event is not known.
  if (type !== "claimed" && fold.writtenAt > 0)
    fold.workedMs += Math.min(longestSilenceMs, Math.max(0, ts - fold.writtenAt));
  fold.writtenAt = ts;
}

function commitStep(fold: TurnFold, seq: number, event: Extract<StoredEvent, { type: "step" }>): void {
  if (event.step !== fold.steps.length) fold.beginningLost = true;
  // What the answer begins with is text of the first step: waits and takeovers know text by its steps.
  const text = fold.steps.length === 0 ? fold.text : fold.text.slice(fold.committedText.length);
  fold.steps.push({ step: event.step, text, calls: event.tool_calls, seq });
  fold.committedText = fold.text;
  fold.reasoned = false;
  fold.usage = addUsage(fold.usage, event.usage);
}

export function addUsage(one: Usage, other: Usage): Usage {
  return addedUsage(one, other);
}

function finishedCallOf(event: Extract<StoredEvent, { type: "tool_call_end" }>): FinishedToolCall {
  // Files are parts of the answer: the call has no more of them.
  const { type: _type, conversation_id: _conversation, turn_id: _turn, ts: _ts, files: _files, ...call } = event;
  // A tool worker of another version may have other limits.
  const { result, truncated } = beginningOf(call.result, limits.toolResultBytes);
  return truncated ? { ...call, result, truncated } : call;
}

/** By which a tool worker finds that a call was committed. Undefined: its step is only known from the turn's wait. */
export function stepSeqOf({ steps }: TurnFold, { call_id }: StepCall): number | undefined {
  return steps.findLast(({ calls }) => calls.some((call) => call.call_id === call_id))?.seq;
}

/** The calls of all committed steps that have a result, in the order in which the model asked for them. */
export function finishedCalls(fold: TurnFold): FinishedToolCall[] {
  return fold.steps.flatMap(({ calls }) => calls.flatMap((call) => fold.results.get(call.call_id) ?? []));
}

import type { Files, SourcePart, ToolCallPart } from "@parley/protocol";
import { piecesOf } from "./pieces.ts";
import type { GrowingKind, TurnStep } from "./turn-step.ts";

/** `paused`: all has been said of the calls of a model's step that comes before people decide on some of them. */
export type OrderedStep = TurnStep | { readonly type: "paused"; readonly calls: readonly ToolCallPart[] };

type OrderedPart =
  | { readonly kind: GrowingKind; readonly at: number; text: string; isClosed: boolean; said: number | undefined }
  | { readonly kind: "call"; readonly at: number; call: ToolCallPart; files?: Files | undefined }
  | { readonly kind: "source"; readonly at: number; readonly source: SourcePart };
type CallPart = Extract<OrderedPart, { kind: "call" }>;
type GrowingPart = Exclude<OrderedPart, { kind: "call" | "source" }>;

/** The calls of one step of the model that are being told. */
interface Group {
  /** Of the calls, in their order: how many were told of; how many of them are known to have ended, or to need people; asked about; ended after that. */
  called: number;
  settled: number;
  asked: number;
  decided: number;
  isPaused: boolean;
  /** Of the one that comes after `decided`: its decision was told. */
  isDecided: boolean;
}

interface Telling {
  readonly answer: AnswerSoFar;
  readonly out: OrderedStep[];
  /** Of the part that is being told. */
  index: number;
  /** If that is a call. */
  group: Group;
  /** Calls were told, so what follows them is of the model's next step. */
  isStepOver: boolean;
  isOver: boolean;
}

/**
 * The steps of a turn in an order that depends on nothing but the answer: part by part, texts in pieces cut by a rule, the calls of one step of the model all at
 * once, then their results in the order of the calls. What is known too early waits for what comes before it. So the n-th step of any stream of a turn is the
 * n-th of any other, whatever came by events, by a snapshot or from a record: numbers of them can be given to clients. It takes the steps of a client that cannot
 * take back; what is there for the moment only is left out.
 *
 * It rests on how answers are written: the calls of a step are all stored before the first of them ends or is asked about.
 */
export function createOrderedSteps() {
  const answer: AnswerSoFar = { parts: [], end: undefined, waiting: [] };
  const telling: Telling = { answer, out: [], index: 0, group: newGroup(), isStepOver: false, isOver: false };
  return {
    take(steps: readonly TurnStep[]): OrderedStep[] {
      for (const step of steps) {
        if (step.type === "started" || step.type === "diverged") telling.out.push(step);
        else takeStep(answer, step);
      }
      tell(telling);
      return telling.out.splice(0);
    },
  };
}

function tell(telling: Telling): void {
  const { answer, out } = telling;
  for (;;) {
    const part = answer.parts[telling.index];
    if (part === undefined || !tellPart(telling, part)) break;
    telling.index++;
  }
  if (answer.end !== undefined) {
    if (!telling.isOver) out.push(answer.end);
    telling.isOver = true;
  } else if (telling.group.isPaused && answer.waiting.length > 0) {
    const calls = answer.waiting.filter((call) => isUndecided(answer, call));
    answer.waiting = [];
    if (calls.length > 0) out.push({ type: "waiting", calls });
  }
}

/** False: more is to come of it. */
function tellPart(telling: Telling, part: OrderedPart): boolean {
  if (part.kind === "call") return tellGroup(telling, part);
  if (part.kind !== "source") return tellGrowing(telling, part);
  telling.out.push({ type: "found", at: part.at, source: part.source });
  return true;
}

function beginPart(telling: Telling): void {
  if (telling.isStepOver) telling.out.push({ type: "step" });
  telling.isStepOver = false;
}

function tellGrowing(telling: Telling, part: GrowingPart): boolean {
  const { answer, out } = telling;
  const { kind, at, text } = part;
  if (part.said === undefined) {
    beginPart(telling);
    out.push({ type: "opened", at, kind });
    part.said = 0;
  }
  const isWhole = part.isClosed || answer.end !== undefined;
  for (const piece of piecesOf(text, part.said, isWhole)) {
    part.said += piece.length;
    out.push({ type: "added", at, kind, text: piece });
  }
  if (isWhole) out.push({ type: "closed", at, kind, text });
  return isWhole;
}

function tellGroup(telling: Telling, first: CallPart): boolean {
  const { answer, out, group } = telling;
  const calls = callsOfStep(answer.parts, telling.index, first);
  if (group.called === 0) beginPart(telling);
  for (const { at, call } of calls.slice(group.called)) out.push({ type: "called", at, call });
  group.called = calls.length;
  const isOver = answer.end !== undefined;
  const isLast = !isOver && telling.index + calls.length >= answer.parts.length;
  out.push(...sayCalls({ calls, group, isLast, isOver }));
  if (group.decided < calls.length) return false;
  telling.index += calls.length - 1;
  telling.group = newGroup();
  telling.isStepOver = true;
  return true;
}

function newGroup(): Group {
  return { called: 0, settled: 0, asked: 0, decided: 0, isPaused: false, isDecided: false };
}

interface SayingCalls {
  readonly calls: readonly CallPart[];
  readonly group: Group;
  /** Nothing is known that comes behind them. */
  readonly isLast: boolean;
  /** Nothing more will be known of them. */
  readonly isOver: boolean;
}

/** What can be told of calls beyond that they were made. Those about which people are asked come last: all others have ended before these can be decided. */
function* sayCalls(saying: SayingCalls): Iterable<OrderedStep> {
  const { calls, group, isLast } = saying;
  // Another one of the step may still follow.
  if (isLast && calls.every(({ call }) => call.status === undefined && call.approval === undefined)) return;
  yield* saySettled(saying);
  if (group.settled < calls.length) return;
  const asked = calls.filter(({ call }) => call.approval !== undefined);
  for (const { at, call } of asked.slice(group.asked)) yield { type: "asked", at, call: undecided(call) };
  group.asked = asked.length;
  if (asked.length > 0 && !group.isPaused) yield { type: "paused", calls: asked.map(({ call }) => call) };
  group.isPaused = asked.length > 0;
  yield* sayDecided(saying);
}

function* saySettled({ calls, group, isOver }: SayingCalls): Iterable<OrderedStep> {
  for (; group.settled < calls.length; group.settled++) {
    const part = calls[group.settled];
    if (part === undefined || part.call.approval !== undefined) continue;
    if (part.call.status !== undefined) yield returnedOf(part);
    else if (!isOver) return;
  }
}

function* sayDecided({ calls, group, isLast, isOver }: SayingCalls): Iterable<OrderedStep> {
  for (; group.decided < calls.length; group.decided++) {
    const part = calls[group.decided];
    if (part?.call.approval === undefined) continue;
    const { at, call } = part;
    const isKnown = call.approval?.approved !== undefined;
    // Ended without anybody's word, as far as is known until what follows it.
    if (!isKnown && isLast) return;
    if (isKnown && !group.isDecided) yield { type: "decided", at, call };
    group.isDecided = true;
    if (call.status === undefined && !isOver) return;
    if (call.status !== undefined) yield returnedOf(part);
    group.isDecided = false;
  }
}

function returnedOf({ at, call, files }: CallPart): TurnStep {
  return { type: "returned", at, call, ...(files === undefined ? {} : { files }) };
}

/** As it was when people were asked. */
function undecided({ status: _status, approval, ...call }: ToolCallPart): ToolCallPart {
  if (approval === undefined) return call;
  const { approved: _approved, by: _by, reason: _reason, like_for_ms: _like, ...asked } = approval;
  return { ...call, approval: asked };
}

function callsOfStep(parts: readonly OrderedPart[], from: number, first: CallPart): CallPart[] {
  const step = stepOf(first);
  const calls: CallPart[] = [];
  for (const part of parts.slice(from)) {
    if (part.kind !== "call" || stepOf(part) !== step) break;
    calls.push(part);
  }
  return calls;
}

/** Of its turn. */
export function stepOfCall(call: string): string {
  return /-(\d+)-\d+$/.exec(call)?.[1] ?? "";
}

function stepOf({ call }: CallPart): string {
  return stepOfCall(call.call_id);
}

/** What is known of the answer. */
interface AnswerSoFar {
  readonly parts: OrderedPart[];
  end: Extract<TurnStep, { type: "ended" }> | undefined;
  /** Calls on which people have to decide, of which nobody was told yet that they are waited for. */
  waiting: readonly ToolCallPart[];
}

function takeStep(answer: AnswerSoFar, step: TurnStep): void {
  if ("kind" in step) takeGrowing(answer, step);
  else if ("call" in step) takeCall(answer, step);
  else if (step.type === "found") answer.parts.push({ kind: "source", at: step.at, source: step.source });
  else if (step.type === "waiting") answer.waiting = step.calls;
  else if (step.type === "ended") answer.end = step;
}

function takeGrowing(answer: AnswerSoFar, step: Extract<TurnStep, { kind: GrowingKind }>): void {
  const { at, kind } = step;
  if (step.type === "opened") answer.parts.push({ kind, at, text: "", isClosed: false, said: undefined });
  const part = partAt(answer, at);
  if (part === undefined || !("text" in part)) return;
  if (step.type === "added") part.text += step.text;
  else if (step.type === "closed") part.isClosed = true;
}

function takeCall(answer: AnswerSoFar, step: Extract<TurnStep, { call: ToolCallPart }>): void {
  const { at, call } = step;
  const files = step.type === "returned" ? step.files : undefined;
  const part = partAt(answer, at);
  if (part?.kind !== "call") return void answer.parts.push({ kind: "call", at, call, files });
  part.call = call;
  part.files ??= files;
}

function partAt({ parts }: AnswerSoFar, at: number): OrderedPart | undefined {
  return parts.findLast((part) => part.at === at);
}

function isUndecided({ parts }: AnswerSoFar, { call_id }: ToolCallPart): boolean {
  const part = parts.findLast((known) => known.kind === "call" && known.call.call_id === call_id);
  return part?.kind === "call" && part.call.status === undefined && part.call.approval?.approved === undefined;
}

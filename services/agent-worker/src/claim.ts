import type { Bus, EventAtSeq, StoredMessage } from "@parley/bus";
import {
  agentChannel,
  decodeEvent,
  encodeEvent,
  fitMessage,
  isTerminal,
  messageEventOf,
  parseEventSubject,
  subjects,
  type CallId,
  type FactOf,
  type ReadEvent,
  type TurnId,
  type TurnRequest,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { foldOfWait } from "./wait-fact.ts";
import { foldWaitedTurn } from "./waited-turn.ts";
import { FencedError, appendFenced } from "./fenced-append.ts";
import { isPrompt, mayBeForgotten } from "./forgotten-attempts.ts";
import { foldFacts } from "./turn-facts.ts";
import { createTurnFold, foldEvent, type TurnFold } from "./turn-fold.ts";

export type Claim =
  /** The turn is ours; the fold holds what earlier attempts left. */
  | {
      readonly kind: "claimed";
      readonly fold: TurnFold;
      readonly attempt: number;
      /** The attempt before this one, if there was one. */
      readonly previous: PreviousAttempt | undefined;
    }
  /** It has its terminal event: only the queue does not know yet. */
  | { readonly kind: "ended" }
  /** Somebody else claimed it, or still writes. */
  | { readonly kind: "lost" }
  /** It waits for a person, and what it waits for was not looked up: only who has done that may claim it. */
  | { readonly kind: "waits" }
  /** This worker stops: it claims nothing any more. */
  | { readonly kind: "stopping" };

export interface PreviousAttempt {
  readonly trace: string | undefined;
  /** `waited`: the turn waited for a person; nobody had it. */
  readonly how: "lost" | "handed over" | "waited";
}

export interface ClaimDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "agents">;
  /** Unique to this process. */
  readonly worker: string;
  readonly giveUpMs: number;
  /** Attempts of this worker that the log has lost; 0: none. */
  readonly lostAttempts: number;
  /** Attempts that others may have made, if the chain says nothing of any: they count for no limit, and viewers see that this one is newer. */
  readonly attemptsBefore?: number;
  /** Claims only if this is the sequence of the chain's last event (0: it has none), so nobody can have written since that was seen. */
  readonly onlyAfter?: number | undefined;
  /** The chain's last event, as it was seen a moment ago: with `onlyAfter`, for a turn that is lost if anything came since. */
  readonly seen?: EventAtSeq | undefined;
  /** What the events say up to that one, of a turn that has waited, its message too; undefined: they are to be read. */
  readonly folded?: Promise<TurnFold | undefined> | undefined;
  /** Calls that had no result a moment ago, and get none but by who claims the turn. */
  readonly openCalls?: ReadonlySet<CallId> | undefined;
  /** Takes it from a live writer too: tries again, up to a bound, when that was quicker. */
  readonly insists?: boolean | undefined;
  /** Of this process. */
  readonly stopping: AbortSignal;
  /** Where this attempt is in its trace. */
  readonly trace?: string | undefined;
  /** Its events may not say all that was decided: the facts are read, and what it waits for was looked up. */
  readonly readsFacts: boolean;
  /** What it needs to go on from its last wait, if it had one. */
  readonly wait?: FactOf<"wait"> | undefined;
  /** It is so old that all of them may be gone, and its message there again because its sender repeated it. */
  readonly isOld: boolean;
  /** When it was accepted, by the broker's clock. */
  readonly queuedAt: number;
  readonly log: Logger;
}

/**
 * Makes this worker the one writer of the turn: appends `claimed` with the sequence of the chain's last event as expectation. The
 * redelivered turn of a live writer is refused here or, if the claim wins, fences that writer at its next append.
 */
export async function claimTurn(request: TurnRequest, deps: ClaimDeps): Promise<Claim> {
  const { bus } = deps;
  const { conversation_id: conversation, turn_id: turn } = request;
  const shard = bus.events.shardOf(conversation);
  // Not awaited before the claim: one connection keeps them in this order, so viewers see the message before the answer begins.
  const { wasMissing: message } = await beginMessage(request, deps);
  const control = bus.events.last(subjects.control(shard, conversation, turn));
  const beside = Promise.all([message, control]);
  // It may be rejected while the claim is under way.
  beside.catch(() => {});
  const claim = (await claimNew(request, deps)) ?? (await claimAgain(request, deps));
  if (claim.kind !== "claimed") {
    await Promise.allSettled([message, control]);
    return claim;
  }
  const [wasMissing, cancel] = await beside;
  if (cancel?.event.type === "cancel_requested") {
    claim.fold.cancel = { by: cancel.event.by, reason: cancel.event.reason };
  }
  // The message is the first event of a turn: while it is kept, so is all that came after it.
  if (deps.readsFacts || (wasMissing && !(await isUntouched(request, deps))))
    await foldFacts(request, claim.fold, { ...deps, wasMissing: wasMissing || deps.isOld });
  // Somebody may have had what is to be ended, and viewers may have text of it that no log has any more.
  if (deps.readsFacts && wasMissing && claim.fold.cancel !== undefined) claim.fold.forgotten = true;
  return claim;
}

/** Resolves when the message is sent, if it need be. Where events were folded beside the fact, it has been seen to be there. */
async function beginMessage(
  request: TurnRequest,
  { bus: { events }, folded }: ClaimDeps,
): Promise<{ readonly wasMissing: Promise<boolean> }> {
  if ((await folded?.catch(() => undefined)) !== undefined) return { wasMissing: Promise.resolve(false) };
  const { conversation_id: conversation, turn_id: turn } = request;
  const event = messageEventOf(request);
  const subject = subjects.user(events.shardOf(conversation), conversation, turn);
  return { wasMissing: events.ensureWritten(subject, event, (maxBytes) => fitMessage(event, maxBytes)) };
}

/** Its edge may still be about to write its message. */
const freshMs = 5_000;

/** Whether a turn without its message is one that nobody can have had, although it was delivered for the first time: one that waits is ended without a delivery. */
async function isUntouched(request: TurnRequest, { queuedAt, bus }: ClaimDeps): Promise<boolean> {
  if (isPrompt(queuedAt)) return true;
  const isFresh = Math.abs(Date.now() - queuedAt) < freshMs;
  return isFresh && !(await mayBeForgotten({ request, storedMs: queuedAt }, bus));
}

function chainOf({ conversation_id, turn_id }: TurnRequest, { bus }: ClaimDeps): string {
  return subjects.agent(bus.events.shardOf(conversation_id), conversation_id, turn_id);
}

function claimEventOf({ conversation_id, turn_id }: TurnRequest, attempt: number, { bus, worker, trace }: ClaimDeps) {
  const place = { conversation_id, turn_id, attempt, n: 0, ts: Date.now() };
  const answers = bus.agents.isHeard() ? { answers: true as const } : {};
  return { type: "claimed" as const, ...place, worker, ...answers, ...(trace === undefined ? {} : { trace }) };
}

/** Nearly every turn is new: the claim itself asks, with the expectation that its chain is empty. Undefined: it is not, or nobody can tell. */
async function claimNew(request: TurnRequest, deps: ClaimDeps): Promise<Claim | undefined> {
  if ((deps.onlyAfter ?? 0) > 0 || deps.stopping.aborted) return undefined;
  const fold = emptyFold(deps);
  const attempt = fold.attempt + 1;
  const event = claimEventOf(request, attempt, deps);
  const message = { subject: chainOf(request, deps), data: encodeEvent(event), expect: 0 };
  const result = await deps.bus.events.append(message);
  if (result.kind !== "stored") return undefined;
  foldEvent(fold, result.seq, event);
  const previous = deps.wait === undefined ? undefined : { trace: undefined, how: "waited" as const };
  return { kind: "claimed", fold, attempt, previous };
}

/** A writer that appends every few milliseconds wins most of the races, not all of them. */
const mostTries = 40;

async function lastOfChain(request: TurnRequest, deps: ClaimDeps): Promise<EventAtSeq | undefined> {
  const { bus, seen, onlyAfter } = deps;
  return seen !== undefined && seen.seq === onlyAfter ? seen : bus.events.lastFromLeader(chainOf(request, deps));
}

async function claimAgain(request: TurnRequest, deps: ClaimDeps): Promise<Claim> {
  const { bus, insists = false } = deps;
  const last = await lastOfChain(request, deps);
  if (last !== undefined && isTerminal(last.event.type)) return { kind: "ended" };
  if (last?.event.type === "waiting" && !deps.readsFacts) return { kind: "waits" };
  const fold = last === undefined ? emptyFold(deps) : await foldFrom(request, last, deps);
  let claim = await claimAfter(request, fold, deps);
  for (let tries = 1; insists && claim.kind === "lost" && tries < mostTries; tries++) {
    await readOn(request, fold, bus);
    claim = await claimAfter(request, fold, deps);
  }
  return claim;
}

async function foldFrom(request: TurnRequest, last: EventAtSeq, deps: ClaimDeps): Promise<TurnFold> {
  const { bus, wait, seen, folded } = deps;
  const isFolded = seen !== undefined && seen.seq === last.seq;
  const waited = await ((isFolded ? folded : undefined) ?? foldWaitedTurn(request, bus, { last, wait }));
  return waited ?? readTurn(request, bus, { seenSeq: last.seq, wait });
}

/** One try, behind what is folded. */
async function claimAfter(request: TurnRequest, fold: TurnFold, deps: ClaimDeps): Promise<Claim> {
  const { bus, giveUpMs, onlyAfter, stopping } = deps;
  if (fold.ended) return { kind: "ended" };
  if (onlyAfter !== undefined && fold.seq !== onlyAfter) return { kind: "lost" };
  if (stopping.aborted) return { kind: "stopping" };
  const attempt = fold.attempt + 1;
  // Of those that are not in the chain nothing is known.
  const isKnown = fold.seq > 0 || deps.lostAttempts > 0 || fold.isFromWait;
  const previous =
    fold.attempt === 0 || !isKnown ? undefined : { trace: fold.trace, how: fold.letGo ?? ("lost" as const) };
  const event = claimEventOf(request, attempt, deps);
  const subject = chainOf(request, deps);
  try {
    foldEvent(fold, await appendFenced({ events: bus.events, subject, event, expect: fold.seq, giveUpMs }), event);
  } catch (error) {
    if (!(error instanceof FencedError)) throw error;
    return { kind: "lost" };
  }
  return { kind: "claimed", fold, attempt, previous };
}

/** Attempts go on counting, so that viewers can tell what is new; and they may have text that no log has any more. */
function emptyFold({ lostAttempts, attemptsBefore = 0, wait }: ClaimDeps): TurnFold {
  const fold = wait === undefined ? createTurnFold() : foldOfWait(wait);
  const counted = Math.max(lostAttempts, fold.attempt);
  const attempt = Math.max(counted, attemptsBefore);
  return { ...fold, attempt, released: fold.released + attempt - counted, forgotten: attempt > 0 };
}

export interface TurnReading {
  /** The chain reached at least this far. */
  readonly seenSeq: number;
  readonly wait?: FactOf<"wait"> | undefined;
}

/** Folds everything the log has about the turn; what it has forgotten of it, it has from its wait. */
export async function readTurn(
  { conversation_id, turn_id }: TurnRequest,
  bus: Pick<Bus, "events">,
  { seenSeq, wait }: TurnReading,
): Promise<TurnFold> {
  const user = await bus.events.last(subjects.user(bus.events.shardOf(conversation_id), conversation_id, turn_id));
  // Without the user's message (the edge died before it wrote it) the chain's beginning is unknown: read all there is.
  const fromSeq = user === undefined || user.seq > seenSeq ? 1 : user.seq;
  const messages = messagesOf(turn_id, await bus.events.read(conversation_id, { fromSeq }));
  if (wait === undefined || hasBeginning(messages)) return foldMessages(createTurnFold(), messages);
  return foldBehind(wait, messages);
}

/** Folds what came since. */
async function readOn({ conversation_id, turn_id }: TurnRequest, fold: TurnFold, bus: Pick<Bus, "events">) {
  foldMessages(fold, messagesOf(turn_id, await bus.events.read(conversation_id, { fromSeq: fold.seq + 1 })));
}

interface TurnMessage {
  readonly seq: number;
  readonly isOfChain: boolean;
  readonly event: ReadEvent;
}

function messagesOf(turn: TurnId, messages: readonly StoredMessage[]): TurnMessage[] {
  return messages.flatMap(({ subject, seq, data }) => {
    const address = parseEventSubject(subject);
    if (address?.turn !== turn) return [];
    return [{ seq, isOfChain: address.channel === agentChannel, event: decodeEvent(data) }];
  });
}

function foldMessages(fold: TurnFold, messages: readonly TurnMessage[]): TurnFold {
  for (const { seq, isOfChain, event } of messages) {
    foldEvent(fold, seq, event);
    // Also one that cannot be read is the one that the next must name.
    if (isOfChain) fold.seq = seq;
  }
  return fold;
}

function attemptIn({ event }: TurnMessage): number {
  return "attempt" in event ? event.attempt : 0;
}

function hasBeginning(messages: readonly TurnMessage[]): boolean {
  const first = messages.find(({ isOfChain }) => isOfChain);
  return first?.event.type === "claimed" && first.event.attempt === 1;
}

/** The wait has all of the attempts up to its own, but for the results that came later. */
function foldBehind(wait: FactOf<"wait">, messages: readonly TurnMessage[]): TurnFold {
  const fold = foldOfWait(wait);
  const behind = messages.filter((message) => !message.isOfChain || attemptIn(message) > wait.attempt);
  const first = behind.find(({ isOfChain }) => isOfChain);
  // Those between the wait and what is there are missing.
  if (first !== undefined && first.event.type !== "claimed") fold.beginningLost = true;
  foldMessages(fold, behind);
  fold.seq = messages.findLast(({ isOfChain }) => isOfChain)?.seq ?? fold.seq;
  // Viewers were told what stays.
  if (behind.some(({ event }) => event.type === "turn_restarted")) fold.forgotten = false;
  return fold;
}

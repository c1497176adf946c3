import type { Bus } from "@parley/bus";
import { ChatError, turnsDestination, type StoredTurn, type TurnRequest } from "@parley/protocol";
import { traceNames, type Logger, type TraceSpan, type Tracing } from "@parley/runtime";
import { foldApprovals } from "./approvals.ts";
import { asTheyStand } from "./changed-messages.ts";
import { claimTurn, type Claim, type ClaimDeps, type PreviousAttempt } from "./claim.ts";
import { idsOf, type ClaimedTurn } from "./claimed-turn.ts";
import { FencedError } from "./fenced-append.ts";
import { attemptsOfOthers, mostAttempts } from "./forgotten-attempts.ts";
import { isOld, queueTimeoutOf, type QueueAge } from "./queue-age.ts";
import { readRoom } from "./rooms/room-reading.ts";
import type { RunnableTurn } from "./runnable-turn.ts";
import type { TurnEnd } from "./turn.ts";
import type { TurnFold } from "./turn-fold.ts";
import { askedFor } from "./waiting-text.ts";
import { placeToClaim, waitOf, type KnownWait } from "./known-wait.ts";
import type { Waits } from "./waits.ts";

export interface AttemptDeps {
  readonly bus: Bus;
  /** Unique to this process. */
  readonly worker: string;
  /** Of this process: once it is aborted nothing is claimed any more. */
  readonly stopping: AbortSignal;
  readonly age: Pick<QueueAge, "isTooOld">;
  readonly waits: Waits;
  readonly run: (turn: ClaimedTurn) => Promise<TurnEnd>;
  /** A turn that takes longer ends with an error. */
  readonly turnMs: number;
  readonly appendGiveUpMs: number;
  /** Messages of the transcript that are looked at for context. */
  readonly historyMessages: number;
  readonly tracing: Tracing;
  readonly log: Logger;
  readonly onClaimed: (request: TurnRequest, previous: PreviousAttempt | undefined) => void;
  /** A turn goes on that waited: how long after each decision. */
  readonly onResumed: (afterMs: readonly number[]) => void;
}

/**
 * `ended`: the terminal event is stored. `skipped`: it had ended before. `lost`: another worker has it. `fenced`: another worker took it
 * away. `waiting`: for a person, from now on. `put back`: it still waits. `handed over`: this worker stops. `failed`: it could not be brought to an end
 * here and will be delivered again.
 */
export type TurnResult = "ended" | "skipped" | "lost" | "fenced" | "waiting" | "put back" | "handed over" | "failed";

/** A turn in this worker, from its delivery on. */
export interface Running {
  turn: RunnableTurn;
  stop: AbortController;
  /** It is claimed only to be ended. */
  readonly isEnding: boolean;
  /** It is this worker's: it says so when somebody asks. */
  isClaimed: boolean;
  /** It has waited for a person: others may have been put back behind it. */
  hasWaited: boolean;
  /** Of the attempt that runs. */
  span: TraceSpan;
  done: Promise<TurnResult>;
}

/** Not awaited before the claim: the turns before this one have ended, so nothing that matters to it is added meanwhile. */
async function readHistory(turn: RunnableTurn, deps: AttemptDeps): Promise<readonly StoredTurn[]> {
  const { transcripts } = deps.bus;
  const { conversation_id, turn_id, parent } = turn.request;
  const turns = await asTheyStand(deps.bus, turn.request, await turnsBefore(turn, deps));
  // What leads to a turn of another branch has no place for its own record.
  if (parent === undefined && !isOld(turn, deps.bus.eventWindowMs)) return turns;
  // It may have been answered before its events expired, and many turns have come since.
  const own = await transcripts.find(conversation_id, turn_id, turn.storedMs);
  return own === undefined || turns.some((other) => other.turn_id === own.turn_id) ? turns : [own, ...turns];
}

/** Those that lead to it: of a conversation without branches the newest. */
async function turnsBefore({ request, seq: place, storedMs }: RunnableTurn, deps: AttemptDeps): Promise<StoredTurn[]> {
  const { conversation_id, parent: leaf } = request;
  if (leaf === null) return [];
  const asOf = { place, queued_at: storedMs };
  const query = { limit: deps.historyMessages, asOf, ...(leaf === undefined ? {} : { leaf }) };
  return (await deps.bus.transcripts.path(conversation_id, query))?.turns ?? [];
}

/** Of many that go on at once each is claimed before any of them needs more. */
async function historyFor(turn: RunnableTurn, { look }: KnownWait, claimed: Promise<Claim>, deps: AttemptDeps) {
  return look === undefined || (await claimed).kind === "claimed" ? readHistory(turn, deps) : [];
}

/** What was said before, and by whom. */
function readSaid(
  turn: RunnableTurn,
  wait: KnownWait,
  claimed: Promise<Claim>,
  deps: AttemptDeps,
): Pick<ClaimedRun, "history" | "room"> {
  const history = historyFor(turn, wait, claimed, deps);
  const room = readRoom(turn.request, { bus: deps.bus, limit: deps.historyMessages });
  // Whoever answers gets to see it; a turn that is not ours does not care.
  for (const read of [history, room]) read?.catch(() => {});
  return { history, room };
}

/** As far as anybody can tell. */
function isUnbegun({ rebuilt }: TurnFold, lostAttempts: number): boolean {
  return lostAttempts === 0 && rebuilt.length === 0;
}

/** Somebody had it, or it is so old that nobody could tell by its events. */
function mayHaveBegun(turn: RunnableTurn, windowMs: number): boolean {
  return isOld(turn, windowMs) || turn.deliveries !== 1;
}

/** The end of an attempt of ours which the log lost before anybody was told is still to be told. */
async function hasEndedLongAgo(turn: RunnableTurn, lostAttempts: number, bus: Bus): Promise<boolean> {
  return lostAttempts === 0 && isOld(turn, bus.eventWindowMs) && (await bus.turns.hasEnded(turn));
}

/** How long ago the decisions were, by the broker's clock: it has just stored the claim. */
async function tellResumed({ look }: KnownWait, { request }: RunnableTurn, deps: AttemptDeps): Promise<void> {
  if (look?.state !== "due") return;
  const nowMs = await deps.bus.turns.nowMs(request.conversation_id);
  deps.onResumed(look.approvals.flatMap(({ decided }) => (decided === undefined ? [] : nowMs - decided.storedMs)));
}

/** Where the claim is to stand. */
function behindWait(
  { fact: wait, look, fold: folded, ...known }: KnownWait,
  turn: RunnableTurn,
): Pick<ClaimDeps, "wait" | "seen" | "folded" | "openCalls" | "onlyAfter"> {
  const onlyAfter = placeToClaim({ ...known, ...(look === undefined ? {} : { look }) }, turn);
  return { wait, seen: look?.last, folded, openCalls: look?.open, onlyAfter };
}

/** Those that its chain does not say. */
async function attemptsBefore({ look }: KnownWait, turn: RunnableTurn, bus: Bus): Promise<number> {
  return look?.last === undefined ? attemptsOfOthers(turn, bus) : 0;
}

type Claimed = Extract<Claim, { kind: "claimed" }>;

/** What becomes of a turn that could not be claimed. */
const unclaimed = { ended: "skipped", lost: "lost", stopping: "handed over" } as const;

interface AttemptStart {
  readonly lostAttempts: number;
  /** It may have waited. */
  readonly looksForWait: boolean;
}

async function claimAndRun(entry: Running, deps: AttemptDeps, start: AttemptStart): Promise<TurnResult> {
  const { turn, span } = entry;
  const { request, insists } = turn;
  const { bus, worker, appendGiveUpMs: giveUpMs, stopping, log } = deps;
  const { lostAttempts } = start;
  if (await hasEndedLongAgo(turn, lostAttempts, bus)) return "skipped";
  const claiming = span.child({ name: "claim" });
  const trace = span.traceparent;
  const readsFacts = start.looksForWait || lostAttempts > 0 || mayHaveBegun(turn, bus.eventWindowMs);
  const wait = readsFacts ? await waitOf(entry, deps).finally(claiming.end) : {};
  entry.hasWaited ||= wait.fact !== undefined;
  if (wait.result !== undefined) return wait.result;
  const claimed = claimTurn(request, {
    ...{ bus, worker, giveUpMs, lostAttempts, insists, stopping, trace, readsFacts, log },
    ...{ queuedAt: turn.storedMs, ...behindWait(wait, turn) },
    isOld: lostAttempts > 0 || isOld(turn, bus.eventWindowMs),
    attemptsBefore: await attemptsBefore(wait, turn, bus),
  });
  const said = readSaid(turn, wait, claimed, deps);
  const claim = await claimed.finally(claiming.end);
  if (claim.kind === "waits") return claimAndRun(entry, deps, { ...start, looksForWait: true });
  if (claim.kind !== "claimed") return unclaimed[claim.kind];
  entry.isClaimed = true;
  if (wait.look?.state === "due") foldApprovals(claim.fold, wait.look.approvals);
  tellResumed(wait, turn, deps).catch((err: unknown) => log.debug({ err }, "the time of a decision is not known"));
  return runClaimed(entry, deps, { claim, ...said, lostAttempts });
}

interface ClaimedRun {
  readonly claim: Claimed;
  readonly history: ClaimedTurn["history"];
  readonly room: ClaimedTurn["room"];
  readonly lostAttempts: number;
}

async function runClaimed(
  { turn, stop, span, isEnding }: Running,
  { bus, turnMs, age, run, onClaimed }: AttemptDeps,
  { claim, history, room, lostAttempts }: ClaimedRun,
): Promise<TurnResult> {
  const { request } = turn;
  const { fold, attempt, previous } = claim;
  span.set({ [traceNames.attempt]: attempt });
  span.link(previous?.trace);
  onClaimed(request, previous);
  const asked = await askedFor(turn, fold, { bus, stop });
  // Only the wait counts: a turn that had begun goes on. Asked after the claim, whose own time is what the broker takes for now.
  const onlyWaited = !isEnding && previous === undefined && isUnbegun(fold, lostAttempts);
  if (onlyWaited && (await age.isTooOld(turn)))
    stop.abort(queueTimeoutOf(turn, turn.deliveries !== 1, bus.eventWindowMs));
  const giveUp = (): void => stop.abort(new ChatError("MODEL_TIMEOUT", { message: "The answer took too long." }));
  // Workers that come and go do not make it longer.
  const timer = setTimeout(giveUp, Math.max(0, turnMs - fold.workedMs));
  try {
    const claimed = { request: asked, place: turn.seq, queuedAt: turn.storedMs, fold, attempt, history, room };
    return await run({ ...claimed, stop, span });
  } finally {
    clearTimeout(timer);
  }
}

/** A span of its own for each attempt: one that is lost with its worker is never sent, but the next points to it. */
function attemptSpan(tracing: Tracing, { trace, turn_id, conversation_id, accepted_at }: TurnRequest): TraceSpan {
  return tracing.start({
    name: `process ${turnsDestination}`,
    kind: "consumer",
    parent: trace,
    attributes: {
      [traceNames.messagingSystem]: "nats",
      [traceNames.messagingOperation]: "process",
      [traceNames.messagingOperationType]: "process",
      [traceNames.destination]: turnsDestination,
      [traceNames.messageId]: turn_id,
      [traceNames.conversation]: conversation_id,
      [traceNames.turn]: turn_id,
      [traceNames.queueWait]: Math.max(0, Date.now() - accepted_at) / 1_000,
    },
  });
}

/** A log that loses one attempt after the other is not worth more tries at once. */
const mostLosses = mostAttempts - 1;

/** Brings a turn as far as it comes here. Never throws. */
export async function settle(entry: Running, deps: AttemptDeps): Promise<TurnResult> {
  const { request } = entry.turn;
  for (let losses = 0, lostAttempts = 0; ; losses++) {
    entry.span = attemptSpan(deps.tracing, request);
    const { span } = entry;
    try {
      const result = await claimAndRun(entry, deps, { lostAttempts, looksForWait: false });
      span.set({ [traceNames.result]: result });
      return result;
    } catch (err) {
      span.fail(err instanceof FencedError ? "fenced" : "failed");
      if (!(err instanceof FencedError)) {
        const what = "a turn could not be brought to its end; it will be delivered again";
        deps.log.error({ err, ...idsOf({ request, span }) }, what);
        return "failed";
      }
      if (err.lostAttempt === undefined) return "fenced";
      if (losses === mostLosses) return "failed";
      if (deps.stopping.aborted) return "handed over";
      // The claim was lost with the log: the turn begins again, here as well as anywhere.
      lostAttempts = err.lostAttempt;
      entry.stop = restarted(entry);
    } finally {
      span.end();
    }
  }
}

/** For another attempt in this place; a reason to end it holds for that as well. */
function restarted({ isEnding, stop }: Running): AbortController {
  const next = new AbortController();
  if (isEnding) next.abort(stop.signal.reason);
  return next;
}

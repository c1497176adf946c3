import type { Bus } from "@parley/bus";
import { ChatError, isTerminal, limits, type FactOf, type TurnRequest } from "@parley/protocol";
import type { RunnableTurn } from "./runnable-turn.ts";
import type { TurnFold } from "./turn-fold.ts";
import { foldWaitedTurn } from "./waited-turn.ts";
import type { FoundWait, WaitLook, Waits } from "./waits.ts";

export interface WaitingDeps {
  readonly bus: Bus;
  readonly waits: Waits;
}

/** A turn that came to this worker and is not claimed. */
interface Comer {
  readonly turn: RunnableTurn;
  readonly stop: AbortController;
  /** It is claimed only to be ended. */
  readonly isEnding: boolean;
}

/** A worker that lives says at once that it runs a turn. */
const answerMs = 1_000;

/** What is known of a turn's wait before it is claimed. */
export interface KnownWait {
  readonly fact?: FactOf<"wait">;
  readonly look?: WaitLook;
  /** What its events say of it, behind the event that was looked at; undefined: they are to be read. */
  readonly fold?: Promise<TurnFold | undefined> | undefined;
  /** It is claimed only behind this event of its chain (0: there is none). */
  readonly onlyAfter?: number;
  /** It is not to be claimed. */
  readonly result?: "put back" | "lost";
}

/**
 * Whether a turn that has waited may go on. One that nobody has decided about is put back, and no viewer sees anything. One whose chain goes on may have
 * been woken once too often: it is not taken from a worker that says that it has it.
 */
export async function waitOf(comer: Comer, deps: WaitingDeps): Promise<KnownWait> {
  const { waits, bus } = deps;
  const { turn, isEnding } = comer;
  const { request } = turn;
  const { fact, ...found } = await waits.find(request);
  if (isEnding) return fact?.kind === "wait" ? { fact } : {};
  if (fact === undefined) return behindOf(turn, found, deps);
  if (fact.kind !== "wait") return unreadableWaitOf(comer, found, deps);
  const fold = foldAhead(request, bus, { fact, ...found });
  const look = await waits.look(request, fact, found);
  if (look.state === "undecided") return { fact, result: "put back" };
  if (look.state === "over" && (await bus.agents.isRunning(request.turn_id, answerMs)) === "yes") {
    return { fact, result: "lost" };
  }
  await waits.expire(look.expired);
  return { fact, look, fold };
}

/** While its calls are looked up: whoever goes on needs both, one behind the other they would take twice the time. */
function foldAhead(request: TurnRequest, bus: Bus, { fact, last }: FoundWait & { readonly fact: FactOf<"wait"> }) {
  if (last === undefined) return undefined;
  const fold = foldWaitedTurn(request, bus, { last, wait: fact });
  // Whoever goes on gets to see it.
  fold.catch(() => {});
  return fold;
}

/** How long after its time a wait that only a newer version can read is left to that. */
const newerMs = 10 * 60_000;

function unreadableWait(): ChatError {
  const message = "This answer waited for a person in a newer version of the service, and that has gone.";
  return new ChatError("WORKER_LOST", { message });
}

/**
 * The same where a newer version has kept the wait in a way that cannot be read here. While it waits it is left to workers of that version, also when it is
 * woken: it comes again after the ack wait. When there seem to be none, long after its time, it ends. One that went on is taken over by its events.
 */
async function unreadableWaitOf(
  { turn, stop }: Comer,
  found: Omit<FoundWait, "fact">,
  deps: WaitingDeps,
): Promise<KnownWait> {
  const { last } = found;
  if (last !== undefined && last.event.type !== "waiting") return behindOf(turn, found, deps);
  // Where its events are forgotten it may have waited as long as a wait can be, since it was accepted.
  const until = last?.event.type === "waiting" ? last.event.until : turn.storedMs + limits.approvalMs;
  if ((await deps.bus.turns.nowMs(turn.request.conversation_id)) < until + newerMs) return { result: "lost" };
  stop.abort(unreadableWait());
  return { onlyAfter: last?.seq ?? 0 };
}

/**
 * The same of a turn that stood behind one that waited: whoever ends one wakes all that were put back behind it, also those that somebody holds or has
 * begun meanwhile. Of two workers that get it one begins, and it is not taken from that one.
 */
async function behindOf(
  { request }: RunnableTurn,
  { last }: Omit<FoundWait, "fact">,
  { waits, bus }: WaitingDeps,
): Promise<KnownWait> {
  if (!(await waits.wasPutBack(request))) return {};
  if (last === undefined) return { onlyAfter: 0 };
  if (isTerminal(last.event.type)) return {};
  return (await bus.agents.isRunning(request.turn_id, answerMs)) === "yes"
    ? { result: "lost" }
    : { onlyAfter: last.seq };
}

/** The event of its chain behind which alone it is claimed; undefined: behind whichever. */
export function placeToClaim({ look, onlyAfter }: KnownWait, turn: RunnableTurn): number | undefined {
  return look?.state === "due" ? look.seq : (turn.onlyAfter ?? onlyAfter);
}

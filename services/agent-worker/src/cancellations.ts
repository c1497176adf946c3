import type { Bus, QueuedTurn, StoredMessage } from "@parley/bus";
import {
  decodeEvent,
  isTerminal,
  parseEventSubject,
  subjects,
  type EventAddress,
  type TurnRequest,
} from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import { unknownReason } from "./turn-facts.ts";
import type { TurnRunner } from "./turn-runner.ts";
import { TurnCancelled } from "./turn-stop.ts";

export interface CancellationDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns" | "agents" | "onReconnect" | "watchStreams">;
  readonly shards: number;
  readonly runner: TurnRunner;
  readonly log: Logger;
}

/** A worker that just claimed the turn shall have the first word: it reads the request to cancel itself. */
const settleMs = 50;
/** The broker asks one worker to look after it first. That one may be frozen: the others look a little later, not all at once. */
const backupMs = 750;
const lookEveryMs = 250;
/** A worker that runs a cancelled turn writes at once. One that has written nothing for this long is dead, frozen or cut off. */
const silenceMs = 1_500;
/** One that writes on has not heard of it. */
const patienceMs = 5_000;

/** A worker that wins as often as that against so many tries each is left to end the turn by itself. */
const mostRefusals = 10;

/** A request to cancel as it was heard. */
interface CancelRequest {
  readonly address: EventAddress;
  /** Its sequence: what the chain has beyond it was written after it. */
  readonly seq: number;
  readonly reason: string;
  readonly heardAt: number;
}

/**
 * Watches the chain of a cancelled turn: `ended`; `live`: its worker wrote a moment ago; `deaf`: it writes on as if nothing was asked; else the
 * sequence of the last event, of a worker that is silent (0: nobody has claimed it).
 */
function createChainWatch({ events }: Pick<Bus, "events">, { address, seq, heardAt }: CancelRequest) {
  const chain = subjects.agent(address.shard, address.conversation, address.turn);
  let newest = seq;
  let movedAt = heardAt;

  return async (): Promise<"ended" | "live" | "deaf" | number> => {
    const last = await events.lastFromLeader(chain);
    if (last === undefined) return 0;
    if (isTerminal(last.event.type)) return "ended";
    // Nobody has it, and nobody has to be silent first.
    if (last.event.type === "waiting") return last.seq;
    const now = performance.now();
    if (last.seq > newest) [newest, movedAt] = [last.seq, now];
    if (now - heardAt > patienceMs) return "deaf";
    return now - movedAt < silenceMs ? "live" : last.seq;
  };
}

/**
 * Ends a cancelled turn that no live worker has. One that nobody has claimed is ended at once. One that was claimed is its worker's; when that
 * stays silent, or writes on, the turn is claimed from it and ended. A worker that was only frozen is fenced when it wakes up (P3).
 */
function createTakeover({ events, turns }: CancellationDeps["bus"], runner: TurnRunner, closing: AbortSignal) {
  const findQueued = async ({ conversation, turn }: EventAddress): Promise<QueuedTurn | undefined> =>
    (await turns.waiting(conversation)).find(({ request }) => request.turn_id === turn);

  return async (request: CancelRequest): Promise<void> => {
    const { address, reason } = request;
    const look = createChainWatch({ events }, request);
    let refusals = 0;
    const isDone = (): boolean => closing.aborted || runner.isRunning(address.turn);
    for (; !isDone(); await sleep(lookEveryMs, closing)) {
      const found = await look();
      if (found === "ended") return;
      if (found === "live") continue;
      const queued = await findQueued(address);
      if (queued === undefined || isDone()) return;
      if (await runner.end(queued, new TurnCancelled(reason), found === "deaf" ? undefined : found)) return;
      if (found === "deaf" && ++refusals === mostRefusals)
        throw new Error("a cancelled turn could not be taken from its worker");
    }
  };
}

function requestOf({ subject, seq, data }: StoredMessage): CancelRequest | undefined {
  const address = parseEventSubject(subject);
  const event = decodeEvent(data);
  const reason = event.type === "cancel_requested" ? event.reason : unknownReason;
  return address === undefined ? undefined : { address, seq, reason, heardAt: performance.now() };
}

/**
 * Carries out requests to cancel. Every worker hears each one and stops the turn if it runs there. If it runs nowhere it is ended by one of the
 * others, so that it is cancelled at once, whichever worker is busy or dead.
 */
export function createCancellations({ bus, shards, runner, log }: CancellationDeps) {
  const { events, facts, agents } = bus;
  const closing = new AbortController();
  const takeOver = createTakeover(bus, runner, closing.signal);

  /** Whether whoever ended it says so in that time: as a rule, and then the broker is asked nothing. */
  const endsWithin = async ({ conversation, turn }: EventAddress, ms: number): Promise<boolean> => {
    const told = new AbortController();
    const stopListening = agents.onTurnLeft(conversation, (left) => left === turn && told.abort());
    await sleep(ms, AbortSignal.any([told.signal, closing.signal]));
    stopListening();
    return told.signal.aborted;
  };
  const endUnlessEnded = async (request: CancelRequest, afterMs: number): Promise<void> => {
    if (!(await endsWithin(request.address, afterMs))) await takeOver(request);
  };
  const endElsewhere = (message: StoredMessage, afterMs: number): void => {
    const request = requestOf(message);
    if (request === undefined || runner.isRunning(request.address.turn)) return;
    endUnlessEnded(request, afterMs).catch((err: unknown) => log.warn({ err }, "a turn could not be cancelled"));
  };

  const onCancel = (message: StoredMessage): void => {
    const request = requestOf(message);
    if (request === undefined || runner.cancel(request.address.turn, request.reason)) return;
    endElsewhere(message, backupMs + Math.random() * backupMs);
  };

  const subscriptions = Array.from({ length: shards }, (_, shard) => [
    events.subscribe(subjects.allLiveControl(shard), onCancel),
    events.subscribe(subjects.allLiveControl(shard), (message) => endElsewhere(message, settleMs), { queue: "cancel" }),
  ]).flat();

  const lookAgain = async ({ conversation_id, turn_id }: TurnRequest): Promise<void> => {
    const shard = events.shardOf(conversation_id);
    const found = await events.lastFromLeader(subjects.control(shard, conversation_id, turn_id));
    if (found?.event.type === "cancel_requested") return void runner.cancel(turn_id, found.event.reason);
    const fact = await facts.read("cancel", { conversation: conversation_id, turn: turn_id });
    if (fact !== undefined) runner.cancel(turn_id, fact.kind === "cancel" ? fact.reason : unknownReason);
  };
  const lookAtAll = (): void => {
    for (const { request } of runner.turns()) {
      lookAgain(request).catch((err: unknown) => log.warn({ err }, "a request to cancel could not be looked up"));
    }
  };
  // What was asked while the connection was away was not heard, nor what the leader of the stream took with it.
  const stopListening = bus.onReconnect(lookAtAll);
  bus.watchStreams(lookAtAll, closing.signal);

  return {
    close(): void {
      stopListening();
      closing.abort();
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

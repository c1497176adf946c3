import {
  longestDelayMs,
  type Bus,
  type EventAtSeq,
  type FactAddress,
  type QueuedTurn,
  type ReadFact,
} from "@parley/bus";
import {
  approvalEndMs,
  subjects,
  type CallId,
  type ConversationId,
  type FactOf,
  type TurnRequest,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { readApproval, tellDecision, type CallApproval } from "./call-approval.ts";
import type { RunnableTurn } from "./runnable-turn.ts";

export interface WaitDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "turns" | "agents">;
  readonly log: Logger;
}

/**
 * `undecided`: it is only to be put back. `due`: something of it was decided, or is too old, or the turn was cancelled: it goes on. `over`: its chain goes on
 * behind it, so somebody has the turn, or had it.
 */
export interface WaitLook {
  readonly state: "undecided" | "due" | "over";
  /** Of the chain's last event; 0: it is forgotten. Of a turn that goes on it may be claimed only if that still is so: another worker may have been quicker. */
  readonly seq: number;
  /** That event. */
  readonly last?: EventAtSeq;
  /** Until the first of it expires, by the broker's clock. */
  readonly remainingMs: number;
  readonly expired: readonly CallApproval[];
  /** Of the calls that it waits for. */
  readonly approvals: readonly CallApproval[];
  /** Those of them that have no result. While the turn waits nobody runs one. */
  readonly open: ReadonlySet<CallId>;
}

/** What is known of a turn's wait, without its calls. */
export interface FoundWait {
  /** What it needs to go on from its last wait; undefined: it has never waited. A newer version may have written what cannot be read. */
  readonly fact: ReadFact<"wait"> | undefined;
  /** The last event of its chain. */
  readonly last: EventAtSeq | undefined;
  readonly isCancelled: boolean;
}

const overAt = (seq: number): WaitLook => ({
  state: "over",
  seq,
  remainingMs: 0,
  expired: [],
  approvals: [],
  open: new Set(),
});

/** The broker's own delays may be a little early; and what is put back for a moment, again and again, keeps it from other work. */
const leastDelayMs = 250;

export type Waits = ReturnType<typeof createWaits>;

const addressOf = ({ conversation_id, turn_id }: TurnRequest): FactAddress => ({
  conversation: conversation_id,
  turn: turn_id,
});

/** At once: each of these answers is one more that a turn waits for which somebody has decided about. */
function createFind({ events, facts }: WaitDeps["bus"]) {
  const isCancelled = async ({ conversation_id, turn_id }: TurnRequest): Promise<boolean> => {
    const control = subjects.control(events.shardOf(conversation_id), conversation_id, turn_id);
    const [event, fact] = await Promise.all([
      events.last(control),
      facts.read("cancel", { conversation: conversation_id, turn: turn_id }),
    ]);
    return event !== undefined || fact !== undefined;
  };

  return async (request: TurnRequest): Promise<FoundWait> => {
    const { conversation_id, turn_id } = request;
    const chain = subjects.agent(events.shardOf(conversation_id), conversation_id, turn_id);
    const [fact, last, cancelled] = await Promise.all([
      facts.read("wait", addressOf(request)),
      events.lastFromLeader(chain),
      isCancelled(request),
    ]);
    return { fact, last, isCancelled: cancelled };
  };
}

/** What is known of the calls that a turn waits for. */
function createWaitLook({ facts, turns }: WaitDeps["bus"]) {
  return async (
    request: TurnRequest,
    { calls }: FactOf<"wait">,
    { last, isCancelled }: Omit<FoundWait, "fact">,
  ): Promise<WaitLook> => {
    if (last !== undefined && last.event.type !== "waiting") return overAt(last.seq);
    const [found, results] = await Promise.all([
      Promise.all(calls.map((call) => readApproval(facts, { ...addressOf(request), call }))),
      Promise.all(calls.map((call) => facts.read("result", { ...addressOf(request), call }))),
    ]);
    const approvals = found.flatMap((approval) => approval ?? []);
    const waiting = approvals.filter(({ decided }) => decided === undefined);
    // Of what was decided about altogether nothing can expire.
    const nowMs = waiting.length === 0 ? 0 : await turns.nowMs(request.conversation_id);
    const expired = waiting.filter((approval) => approvalEndMs(approval.asked) <= nowMs);
    const isSettled = results.some((result) => result !== undefined);
    const isDue = isCancelled || isSettled || expired.length > 0 || waiting.length < calls.length;
    return {
      state: isDue ? "due" : "undecided",
      seq: last?.seq ?? 0,
      ...(last === undefined ? {} : { last }),
      remainingMs: Math.min(longestDelayMs, ...waiting.map((approval) => approvalEndMs(approval.asked) - nowMs)),
      ...{ expired, approvals, open: new Set(calls.filter((_, i) => results[i] === undefined)) },
    };
  };
}

/** Whoever expires what nobody has decided is whoever gets its turn back: the decision is write-once, so a person who comes now comes too late. */
async function expireAll({ events, facts }: WaitDeps["bus"], expired: readonly CallApproval[]): Promise<void> {
  await Promise.all(
    expired.map(async ({ asked }) => {
      const { conversation_id, turn_id, call_id, hash } = asked.fact;
      const call = { v: 1, conversation_id, turn_id, ts: Date.now(), call_id };
      const decision = { approved: false, reason: "expired", expired: true as const, hash };
      const written = await facts.write<"decided">({ kind: "decided", ...call, ...decision });
      // Somebody may have been quicker; whether in time, the broker's time says. Ours needs none.
      const { fact, storedMs } = written.won ? { fact: written.fact, storedMs: asked.storedMs } : written;
      await tellDecision({ events }, { asked, decided: { fact, storedMs } });
    }),
  );
}

/** Brings turns back that were put back behind another one. */
function createFollowers({ facts, turns }: WaitDeps["bus"]) {
  const wake = async (request: TurnRequest): Promise<void> => {
    const fact = await facts.read("ack", addressOf(request));
    if (fact?.kind === "ack") await turns.wake(fact.reply);
  };

  return {
    /** Wakes all turns of the conversation that were put back behind this one: each finds out by itself where it stands. */
    async wakeBehind({ conversation_id, turn_id }: TurnRequest): Promise<void> {
      const all = await turns.waiting(conversation_id);
      await Promise.all(all.filter(({ request }) => request.turn_id !== turn_id).map(({ request }) => wake(request)));
    },

    /** Wakes the first turn of the conversation if it was put back, and is not that one. */
    async wakeFirst(conversation: ConversationId, exceptSeq: number): Promise<void> {
      const first = await turns.first(conversation);
      if (first !== undefined && first.seq !== exceptSeq) await wake(first.request);
    },
  };
}

/**
 * Turns that wait for people, and those behind them (docs/adr/0017). Nobody holds one: its delivery is put back for as long as the wait may take, and
 * comes when it is woken.
 */
export function createWaits({ bus, log }: WaitDeps) {
  const { facts, turns } = bus;
  const find = createFind(bus);
  const look = createWaitLook(bus);

  /** Where the delivery is answered: for whoever wakes it. Where there is no room for it, its place in the queue must do. */
  const noteReply = async ({ request, seq }: QueuedTurn, reply: string): Promise<void> => {
    const { conversation_id, turn_id } = request;
    const fact = { kind: "ack" as const, v: 1, conversation_id, turn_id, ts: Date.now(), reply, seq };
    await facts
      .replace(fact, () => true)
      .catch((err: unknown) => log.warn({ err, turn_id }, "where a turn is woken could not be noted"));
  };

  /** Puts a delivery back, and wakes it at once if what it waits for has happened meanwhile. */
  const putBack = async (
    turn: RunnableTurn,
    { delayMs, isDue }: { delayMs: number; isDue: () => Promise<boolean> },
  ): Promise<void> => {
    const { reply } = turn;
    // One that the broker did not give us comes by nobody but the janitor.
    if (reply === undefined) return;
    await noteReply(turn, reply);
    await turn.putBack(Math.max(leastDelayMs, delayMs));
    if (await isDue()) await turns.wake(reply);
  };

  return {
    find,
    look,

    /** Whether it was put back, for whatever reason: then it may have been woken more than once. */
    wasPutBack: async (request: TurnRequest): Promise<boolean> =>
      (await facts.read("ack", addressOf(request))) !== undefined,

    expire: (expired: readonly CallApproval[]): Promise<void> => expireAll(bus, expired),
    putBack,

    /** For one that waits itself. */
    async suspend(turn: RunnableTurn): Promise<void> {
      const { fact, ...found } = await find(turn.request);
      if (fact === undefined) return turn.nak();
      // A worker of the version that has written it sees to it.
      if (fact.kind !== "wait") return;
      const before = await look(turn.request, fact, found);
      if (before.state === "due") return turn.nak();
      // Somebody has it already: a nak would take it from them.
      if (before.state === "over") return;
      bus.agents.turnSuspended(turn.request);
      const isDue = async (): Promise<boolean> =>
        (await look(turn.request, fact, await find(turn.request))).state === "due";
      await putBack(turn, { delayMs: before.remainingMs, isDue });
    },

    ...createFollowers(bus),
  };
}

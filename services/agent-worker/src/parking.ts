import type { AgentSignals, Delivery, DeliveryAnswers, TurnQueue } from "@parley/bus";
import type { ConversationId, TurnId } from "@parley/protocol";

/** Where a delivery stands in its conversation. `gone`: it left the queue while we held it. */
export type Place = "first" | "waits" | "gone";

/** A delivery that waits here: all of it that is kept, since there may be thousands. Its message is read again when its time has come. */
export interface Waiter extends DeliveryAnswers {
  readonly seq: number;
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  readonly acceptedAt: number;
  readonly deliveries: number;
  /** It has its end already, and waits only to leave the queue. */
  hasEnded: boolean;
  /** When it was last asked whether it is to end before its time. */
  checkedAtMs: number;
}

export interface ParkingDeps {
  /** More are forgotten: they come again when the ack wait is over. */
  readonly limit: number;
  readonly turns: Pick<TurnQueue, "at">;
  readonly agents: Pick<AgentSignals, "onTurnLeft">;
  readonly placeOf: (waiter: Pick<Waiter, "seq" | "conversation">) => Promise<Place>;
  /** Called once per waiter, when it is the first of its conversation. */
  readonly onFirst: (delivery: Delivery) => void;
  /** Ends a waiter if somebody has cancelled it, or if it has waited too long. Returns whether it has ended. */
  readonly endEarly: (waiter: Waiter) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** The waiters of one conversation. */
interface Room {
  readonly conversation: ConversationId;
  readonly waiters: Map<number, Waiter>;
  readonly stopListening: () => void;
  lookedAtMs: number;
  isLooking: boolean;
  /** Something happened during the look. */
  again: boolean;
}

/** Whoever ends a turn says so. These looks are for words that were lost, and bounded: at most so many rooms a tick, each so often. */
const tickMs = 200;
const looksPerTick = 4;
const lookEveryMs = 2_000;
const checkEveryMs = 10_000;

function firstOf({ waiters }: Room): Waiter | undefined {
  let first: Waiter | undefined;
  for (const waiter of waiters.values()) if (first === undefined || waiter.seq < first.seq) first = waiter;
  return first;
}

function waiterOf({ seq, request, deliveries, ack, nak, working }: Delivery): Waiter {
  const { conversation_id: conversation, turn_id: turn, accepted_at: acceptedAt } = request;
  const state = { hasEnded: false, checkedAtMs: -Infinity };
  return { seq, conversation, turn, acceptedAt, deliveries, ack, nak, working, ...state };
}

/** One look at a room: who is the first of the conversation goes, and who shall not wait any longer is ended. */
function createLook(deps: ParkingDeps, leave: (room: Room, waiter: Waiter) => boolean) {
  const { turns, placeOf, onFirst, endEarly, signal } = deps;

  /** Whether there may be another one to be looked at. */
  const lookAtFirst = async (room: Room, waiter: Waiter): Promise<boolean> => {
    const place = await placeOf(waiter);
    if (place === "waits") return false;
    const turn = place === "first" ? await turns.at(waiter.seq) : undefined;
    // Delivered once more meanwhile: the newer delivery is the one to answer.
    const { deliveries, ack, nak, working } = room.waiters.get(waiter.seq) ?? waiter;
    if (signal.aborted || !leave(room, waiter)) return false;
    if (turn !== undefined) onFirst({ ...turn, deliveries, ack, nak, working });
    else await ack();
    return turn === undefined;
  };

  return async (room: Room): Promise<void> => {
    for (let first = firstOf(room); first !== undefined; first = firstOf(room)) {
      if (!(await lookAtFirst(room, first))) break;
    }
    for (const waiter of [...room.waiters.values()]) {
      if (signal.aborted || waiter.hasEnded || performance.now() - waiter.checkedAtMs < checkEveryMs) continue;
      waiter.checkedAtMs = performance.now();
      waiter.hasEnded = await endEarly(waiter);
    }
  };
}

/**
 * Deliveries that wait here for an earlier turn of their conversation, each held at the broker by its heartbeat. Nothing is asked while they
 * wait, and nothing is given back to come again a moment later: who ends a turn tells those that wait behind it.
 */
export function createParking(deps: ParkingDeps) {
  const { limit, agents, signal } = deps;
  /** The one that was looked at longest ago comes first. */
  const rooms = new Map<ConversationId, Room>();
  let count = 0;

  const leave = (room: Room, { seq }: Waiter): boolean => {
    if (!room.waiters.delete(seq)) return false;
    count--;
    if (room.waiters.size > 0) return true;
    room.stopListening();
    rooms.delete(room.conversation);
    return true;
  };
  const lookOnce = createLook(deps, leave);

  const look = async (room: Room): Promise<void> => {
    room.again = true;
    if (room.isLooking) return;
    room.isLooking = true;
    try {
      while (room.again && room.waiters.size > 0 && !signal.aborted) {
        room.again = false;
        room.lookedAtMs = performance.now();
        rooms.delete(room.conversation);
        rooms.set(room.conversation, room);
        await lookOnce(room);
      }
    } catch {
      // The broker is away: there will be another look.
    } finally {
      room.isLooking = false;
    }
  };

  const roomOf = (conversation: ConversationId): Room => {
    const present = rooms.get(conversation);
    if (present !== undefined) return present;
    const stopListening = agents.onTurnLeft(conversation, () => void look(room));
    const room: Room = {
      ...{ conversation, waiters: new Map(), stopListening },
      ...{ lookedAtMs: performance.now(), isLooking: false, again: false },
    };
    rooms.set(conversation, room);
    return room;
  };

  const lookRound = (): void => {
    const before = performance.now() - lookEveryMs;
    let looks = 0;
    for (const room of rooms.values()) {
      if (room.lookedAtMs > before || looks === looksPerTick) return;
      if (room.isLooking) continue;
      looks++;
      void look(room);
    }
  };
  const ticking = setInterval(lookRound, tickMs);

  return {
    count: (): number => count,

    /** Whether an earlier turn of its conversation waits here: then this one waits too. */
    isBehind: ({ seq, request }: Delivery): boolean =>
      [...(rooms.get(request.conversation_id)?.waiters.keys() ?? [])].some((earlier) => earlier < seq),

    isParked: (turn: TurnId): boolean => {
      for (const { waiters } of rooms.values()) for (const waiter of waiters.values()) if (waiter.turn === turn) return true;
      return false;
    },

    /** Returns false when there is no more room. */
    park(delivery: Delivery): boolean {
      const waiter = waiterOf(delivery);
      const isKnown = rooms.get(waiter.conversation)?.waiters.has(waiter.seq) === true;
      if (count >= limit && !isKnown) return false;
      const room = roomOf(waiter.conversation);
      room.waiters.set(waiter.seq, waiter);
      if (!isKnown) count++;
      // What happened before it could be heard here.
      void look(room);
      return true;
    },

    heartbeat(): void {
      for (const { waiters } of rooms.values()) for (const waiter of waiters.values()) waiter.working();
    },

    /** Signals may have been lost: everybody is looked at, as soon as the pace allows. */
    lookAgain(): void {
      for (const room of rooms.values()) room.lookedAtMs = -Infinity;
    },

    giveBack(): void {
      clearInterval(ticking);
      for (const { waiters, stopListening } of rooms.values()) {
        stopListening();
        for (const waiter of waiters.values()) waiter.nak();
      }
      rooms.clear();
      count = 0;
    },
  };
}

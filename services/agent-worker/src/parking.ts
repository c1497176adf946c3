import type { AgentSignals, Delivery, DeliveryAnswers, TurnQueue } from "@parley/bus";
import type { ConversationId, TurnId } from "@parley/protocol";

/** Where a delivery stands in its conversation. `suspended`: the first one waits for a person. `gone`: it left the queue while we held it. */
export type Place = "first" | "waits" | "suspended" | "gone";

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
  /** The same when the first of its conversation waits for a person, however long that takes. */
  readonly onSuspended: (delivery: Delivery) => void;
  /** Ends a waiter if somebody has cancelled it, or if it has waited too long. Returns whether it has ended. */
  readonly endEarly: (waiter: Waiter) => Promise<boolean>;
  /** Whether it has perhaps waited too long. */
  readonly looksTooOld: (waiter: Waiter) => boolean;
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

function waiterOf({ seq, request, ...delivery }: Delivery): Waiter {
  const { conversation_id: conversation, turn_id: turn, accepted_at: acceptedAt } = request;
  const state = { hasEnded: false, checkedAtMs: -Infinity };
  return { seq, conversation, turn, acceptedAt, ...answersOf(delivery), ...state };
}

export type Answers = DeliveryAnswers & Pick<Delivery, "deliveries">;

/** Nothing else of a delivery is kept. */
export function answersOf({ deliveries, reply, ack, nak, putBack, working }: Answers): Answers {
  return { deliveries, ...(reply === undefined ? {} : { reply }), ack, nak, putBack, working };
}

/** The rooms of all conversations that wait here; the one that was looked at longest ago comes first. */
function createRooms({ agents }: Pick<ParkingDeps, "agents">, onTurnLeft: (room: Room) => void) {
  const rooms = new Map<ConversationId, Room>();
  let count = 0;

  const open = (conversation: ConversationId): Room => {
    const stopListening = agents.onTurnLeft(conversation, () => onTurnLeft(room));
    const state = { lookedAtMs: performance.now(), isLooking: false, again: false };
    const room: Room = { conversation, waiters: new Map(), stopListening, ...state };
    rooms.set(conversation, room);
    return room;
  };

  return {
    count: (): number => count,
    all: (): Iterable<Room> => rooms.values(),
    of: (conversation: ConversationId): Room | undefined => rooms.get(conversation),

    *waiters(): Generator<Waiter> {
      for (const { waiters } of rooms.values()) yield* waiters.values();
    },
    enter(waiter: Waiter): Room {
      const room = rooms.get(waiter.conversation) ?? open(waiter.conversation);
      if (!room.waiters.has(waiter.seq)) count++;
      room.waiters.set(waiter.seq, waiter);
      return room;
    },
    leave(room: Room, { seq }: Waiter): void {
      if (!room.waiters.delete(seq)) return;
      count--;
      if (room.waiters.size > 0) return;
      room.stopListening();
      rooms.delete(room.conversation);
    },
    looked(room: Room): void {
      room.lookedAtMs = performance.now();
      if (rooms.delete(room.conversation)) rooms.set(room.conversation, room);
    },
    clear(): void {
      for (const { stopListening } of rooms.values()) stopListening();
      rooms.clear();
      count = 0;
    },
  };
}

type Rooms = ReturnType<typeof createRooms>;

/** Looks at a room: who is the first of the conversation goes, and who shall not wait any longer is ended. */
function createLook(deps: ParkingDeps, rooms: () => Rooms) {
  const { turns, placeOf, onFirst, onSuspended, endEarly, looksTooOld, signal } = deps;
  /** One that is too old is somebody else's to end as well, who may be lost over it. */
  const isDue = (waiter: Waiter): boolean =>
    !waiter.hasEnded && (performance.now() - waiter.checkedAtMs >= checkEveryMs || looksTooOld(waiter));

  /** Whether there may be another one to be looked at. */
  const lookAtFirst = async (room: Room, waiter: Waiter): Promise<boolean> => {
    const place = await placeOf(waiter);
    if (place === "waits") return false;
    const turn = place === "gone" ? undefined : await turns.at(waiter.seq);
    if (signal.aborted) return false;
    // Delivered once more meanwhile: the newer delivery is the one to answer.
    const answers = answersOf(room.waiters.get(waiter.seq) ?? waiter);
    rooms().leave(room, waiter);
    if (turn !== undefined) (place === "first" ? onFirst : onSuspended)({ ...turn, ...answers });
    else if (place === "gone") await answers.ack();
    // It left the queue meanwhile, or can no longer be read: whoever gets it sees which.
    else answers.nak();
    // All others are behind it too.
    return turn === undefined || place === "suspended";
  };

  const lookOnce = async (room: Room): Promise<void> => {
    for (let first = firstOf(room); first !== undefined; first = firstOf(room)) {
      if (!(await lookAtFirst(room, first))) break;
    }
    for (const waiter of [...room.waiters.values()]) {
      if (signal.aborted || !isDue(waiter)) continue;
      waiter.checkedAtMs = performance.now();
      waiter.hasEnded = await endEarly(waiter);
    }
  };

  /** One at a time; what happens meanwhile is looked at afterwards. */
  return async (room: Room): Promise<void> => {
    room.again = true;
    if (room.isLooking) return;
    room.isLooking = true;
    try {
      while (room.again && room.waiters.size > 0 && !signal.aborted) {
        room.again = false;
        rooms().looked(room);
        await lookOnce(room);
      }
    } catch {
      // The broker is away: there will be another look.
    } finally {
      room.isLooking = false;
    }
  };
}

/**
 * Deliveries that wait here for an earlier turn of their conversation, each held at the broker by its heartbeat. Nothing is asked while they
 * wait, and nothing is given back to come again a moment later: who ends a turn tells those that wait behind it.
 */
export function createParking(deps: ParkingDeps) {
  const look = createLook(deps, () => rooms);
  const rooms = createRooms(deps, (room) => void look(room));

  const lookRound = (): void => {
    const before = performance.now() - lookEveryMs;
    let looks = 0;
    for (const room of rooms.all()) {
      if (room.lookedAtMs > before || looks === looksPerTick) return;
      if (room.isLooking) continue;
      looks++;
      void look(room);
    }
  };
  const ticking = setInterval(lookRound, tickMs);

  return {
    count: rooms.count,

    /** Whether an earlier turn of its conversation waits here: then this one waits too. */
    isBehind: ({ seq, request }: Delivery): boolean =>
      [...(rooms.of(request.conversation_id)?.waiters.keys() ?? [])].some((earlier) => earlier < seq),

    isParked: (turn: TurnId): boolean => {
      for (const waiter of rooms.waiters()) if (waiter.turn === turn) return true;
      return false;
    },

    /** Returns false when there is no more room. */
    park(delivery: Delivery): boolean {
      const waiter = waiterOf(delivery);
      if (rooms.count() >= deps.limit && rooms.of(waiter.conversation)?.waiters.has(waiter.seq) !== true) return false;
      // What happened before it could be heard here.
      void look(rooms.enter(waiter));
      return true;
    },

    held: (): Iterable<Pick<Delivery, "working">> => rooms.waiters(),

    /** Signals may have been lost: everybody is looked at, as soon as the pace allows. */
    lookAgain(): void {
      for (const room of rooms.all()) room.lookedAtMs = -Infinity;
      for (const waiter of rooms.waiters()) waiter.checkedAtMs = -Infinity;
    },

    giveBack(): void {
      clearInterval(ticking);
      for (const waiter of rooms.waiters()) waiter.nak();
      rooms.clear();
    },
  };
}

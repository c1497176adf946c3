import { longestDelayMs, type Bus, type Delivery, type QueuedTurn, type TurnQueue } from "@parley/bus";
import { sleep, type Logger } from "@parley/runtime";
import { startHeartbeats } from "./heartbeats.ts";
import type { EarlyEnds } from "./early-ends.ts";
import { createParking, type Place } from "./parking.ts";
import { startPulling } from "./pulling.ts";
import type { QueueAge } from "./queue-age.ts";
import { createResting } from "./resting.ts";
import type { Slots } from "./slots.ts";
import type { TurnRunner } from "./turn-runner.ts";
import type { Waits } from "./waits.ts";

export interface IntakeDeps {
  readonly bus: Pick<Bus, "turns" | "agents" | "onReconnect">;
  readonly runner: TurnRunner;
  readonly earlyEnds: Pick<EarlyEnds, "endEarly" | "endTooOld" | "looksTooOld">;
  readonly waits: Pick<Waits, "putBack" | "wakeBehind">;
  readonly age: Pick<QueueAge, "leftMs">;
  /** Turns that may run here at once. */
  readonly slots: Slots;
  /** Turns that may wait here for an earlier one of their conversation. */
  readonly maxParked: number;
  /** Whoever is silent for longer loses its turns. */
  readonly ackWaitMs: number;
  /** Of this process: once it is aborted nothing more is taken. */
  readonly stopping: AbortSignal;
  readonly log: Logger;
}

/** No room to wait in: each that is forgotten holds up its pull for this long, so that they do not come faster than they can be looked at. */
const fullPauseMs = 50;

/** Of one that has ended: nobody is before it. */
const mayLeave: ReadonlySet<Place> = new Set(["first", "gone"]);

type Placed = Pick<QueuedTurn, "seq"> & { readonly conversation: string };

/** What shows neither the turn nor one before it: the turn has left the queue, or whoever answered did not know it yet. */
function isBehind(first: QueuedTurn | undefined, { seq }: Placed): boolean {
  return first === undefined || first.seq > seq;
}

/** Only the first turn of a conversation may run (P4). The queue itself says which that is; there is no lock. */
function createPlaces(turns: TurnQueue, runner: TurnRunner, waits: Pick<Waits, "wakeBehind">) {
  /** Deliveries whose place is being looked up. */
  const inHand = new Set<Delivery>();

  const placeOf = async (placed: Placed): Promise<Place> => {
    const { conversation, seq } = placed;
    let first = await turns.first(conversation);
    if (isBehind(first, placed)) {
      if (!(await turns.isQueued(seq))) return "gone";
      // The look that did not show it was of the moment before a new leader knew everything.
      first = await turns.first(conversation);
    }
    if (first === undefined || isBehind(first, placed) || first.seq === seq) return "first";
    // It may have ended without leaving the queue: then nobody else would ever remove it.
    if (runner.isRunning(first.request.turn_id)) return "waits";
    const standing = await turns.standing(first);
    if (standing.kind === "begun" && standing.isWaiting) return "suspended";
    if (standing.kind !== "ended") return "waits";
    // Its worker may have been lost before it woke those that were put back behind it.
    await waits.wakeBehind(first.request);
    await turns.removeFirst(first.seq);
    return placeOf(placed);
  };

  return {
    placeOf,
    async lookUp(delivery: Delivery): Promise<Place> {
      inHand.add(delivery);
      const { seq, request } = delivery;
      return placeOf({ seq, conversation: request.conversation_id }).finally(() => inHand.delete(delivery));
    },
    held: (): Iterable<Delivery> => inHand,
    /** At once: the broker may be slow to say where they stand. */
    giveBack(): void {
      for (const delivery of inHand) delivery.nak();
    },
  };
}

/** For one that is not yet too old by all clocks that must say so. */
const againMs = 60_000;

/** Puts deliveries back that stand behind a turn that waits for a person. */
function createPuttingBack({ earlyEnds, age, waits }: IntakeDeps, placeOf: (placed: Placed) => Promise<Place>) {
  /** It comes when it is woken, or when it has waited too long to begin; one that has ended waits only to leave the queue. */
  const delayOf = async (delivery: Delivery): Promise<number> => {
    const { seq, request } = delivery;
    const { conversation_id: conversation, turn_id: turn, accepted_at: acceptedAt } = request;
    if (await earlyEnds.endEarly({ seq, conversation, turn, acceptedAt })) return longestDelayMs;
    const leftMs = await age.leftMs(delivery);
    return leftMs > 0 ? Math.min(longestDelayMs, leftMs + 1) : againMs;
  };

  return async (delivery: Delivery): Promise<void> => {
    const { seq, request } = delivery;
    const isDue = async (): Promise<boolean> =>
      (await placeOf({ seq, conversation: request.conversation_id })) !== "suspended";
    await waits.putBack({ ...delivery, rest() {} }, { delayMs: await delayOf(delivery), isDue });
  };
}

interface RunningDeps {
  readonly resting: ReturnType<typeof createResting>;
  readonly places: ReturnType<typeof createPlaces>;
  readonly putBack: (delivery: Delivery) => Promise<void>;
}

/** Runs deliveries, at once or when their turn has come. */
function createRunning(
  { bus, runner, earlyEnds, slots, maxParked, stopping, log }: IntakeDeps,
  { resting, places, putBack }: RunningDeps,
) {
  const { turns, agents } = bus;
  const run = (delivery: Delivery, onlyAfter?: number): Promise<void> =>
    runner.run({ ...delivery, onlyAfter, rest: () => resting.rest(delivery) });
  /** In a slot that is taken for it. */
  const occupySlot = (delivery: Delivery, work: () => Promise<void>): void => {
    slots.occupy(work).catch((err: unknown) => {
      if (stopping.aborted) return delivery.nak();
      log.warn({ err }, "a delivery could not be handled; it will come again");
      resting.rest(delivery);
    });
  };
  const parking = createParking({
    ...{ limit: maxParked, turns, agents, placeOf: places.placeOf, signal: stopping, ...earlyEnds },
    onFirst(delivery) {
      // Another worker may hold it too, since the broker took this one for dead: whoever claims it first has it.
      if (slots.tryTake()) occupySlot(delivery, () => run(delivery, 0));
      else delivery.nak();
    },
    onSuspended(delivery) {
      putBack(delivery).catch((err: unknown) => {
        log.warn({ err }, "a turn could not be put back; it will come again");
        resting.rest(delivery);
      });
    },
  });
  return { run, occupySlot, parking };
}

/** Looks where each delivery belongs, and brings it there. */
function createHandling(deps: IntakeDeps) {
  const { bus, runner, earlyEnds, waits, slots, stopping, log } = deps;
  const { turns, agents } = bus;
  const resting = createResting();
  const places = createPlaces(turns, runner, waits);
  const putBack = createPuttingBack(deps, places.placeOf);

  const { run, occupySlot, parking } = createRunning(deps, { resting, places, putBack });

  const park = async (delivery: Delivery): Promise<void> => {
    if (stopping.aborted || parking.park(delivery)) return;
    log.debug({ turn_id: delivery.request.turn_id }, "no room to wait in; the turn will come again");
    await sleep(fullPauseMs, stopping);
  };
  /** A worker of a newer version may read it: until it is too old it is not answered, and comes again after each ack wait. */
  const handleUnreadable = async (delivery: Delivery): Promise<void> => {
    const hasEnded = await earlyEnds.endTooOld(delivery, delivery.deliveries > 1);
    if (!hasEnded || !mayLeave.has(await places.lookUp(delivery))) return;
    await delivery.ack();
    agents.turnLeft(delivery.request);
  };
  const handle = async (delivery: Delivery): Promise<void> => {
    if (delivery.isUnreadable === true) return handleUnreadable(delivery);
    if (runner.isRunning(delivery.request.turn_id)) return run(delivery);
    if (parking.isBehind(delivery)) return park(delivery);
    const place = delivery.isFirst === true ? "first" : await places.lookUp(delivery);
    if (place === "first") return run(delivery);
    if (place === "gone") await delivery.ack();
    else if (place === "suspended") await putBack(delivery);
    else await park(delivery);
  };

  return {
    parking,
    /** All that is here and does not run. */
    held: [places, parking, resting],
    /** With the slot that was taken for it. */
    take(delivery: Delivery): void {
      if (!stopping.aborted) return occupySlot(delivery, () => handle(delivery));
      slots.release();
      delivery.nak();
    },
  };
}

/**
 * Pulls turns while there is a free slot, and lets those of a conversation run one after the other in the order of acceptance.
 *
 * A delivery is `pulled` → `running` (first) | `parked` (an earlier turn runs; told when that has left the queue) | put back (an earlier turn waits for a
 * person) → `running` | given back | gone (cancelled while it waited). What cannot be handled now is `resting` → given back.
 */
export function createIntake(deps: IntakeDeps) {
  const { bus, runner, slots, ackWaitMs, stopping, log } = deps;
  const { parking, held, take } = createHandling(deps);
  startPulling({ turns: bus.turns, slots, take, signal: stopping, log });
  const heartbeats = startHeartbeats(ackWaitMs, runner, function* () {
    for (const { held: those } of held) yield* those();
  });
  const stopListening = bus.onReconnect(parking.lookAgain);

  const letGo = async (): Promise<void> => {
    stopListening();
    // The pulls first, or the broker would answer them with what is given back.
    const ended = bus.turns.endPulls();
    for (const { giveBack } of held) giveBack();
    await Promise.all([ended, runner.handOver()]);
    heartbeats.stop();
  };
  const stopped = new Promise<void>((resolve, reject) => {
    const begin = (): void => void letGo().then(resolve, reject);
    if (stopping.aborted) begin();
    else stopping.addEventListener("abort", begin, { once: true });
  });

  return {
    parked: parking.count,
    /** Whether the turn runs here, claimed, or waits here. */
    has: (turn: string): boolean => runner.hasClaimed(turn) || parking.isParked(turn),

    /** Resolves once it pulls no more and what ran or waited here is handed over; that begins when the process stops. */
    stop: (): Promise<void> => stopped,
  };
}

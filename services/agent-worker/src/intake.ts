import { longestDelayMs, type Bus, type Delivery, type TurnStanding } from "@parley/bus";
import { sleep, type Logger } from "@parley/runtime";
import { startHeartbeats } from "./heartbeats.ts";
import type { EarlyEnds } from "./early-ends.ts";
import { answersOf, createParking, type Place } from "./parking.ts";
import { partyOf, type Party } from "./fair-queue.ts";
import { startPulling } from "./pulling.ts";
import type { QueueAge } from "./queue-age.ts";
import { createPlaces, type Held, type Placed } from "./places.ts";
import { createResting } from "./resting.ts";
import { createTurnLine, type Queued, type TurnLine } from "./turn-line.ts";
import type { Slots } from "./slots.ts";
import type { TurnRunner } from "./turn-runner.ts";
import type { Waits } from "./waits.ts";

export interface IntakeDeps {
  readonly bus: Pick<Bus, "turns" | "agents" | "onReconnect">;
  readonly runner: TurnRunner;
  readonly earlyEnds: Pick<EarlyEnds, "endEarly" | "endErased" | "endTooOld" | "looksTooOld">;
  readonly waits: Pick<Waits, "putBack" | "wakeFirst">;
  readonly age: Pick<QueueAge, "leftMs">;
  /** Turns that may run here at once. */
  readonly slots: Slots;
  /** Turns that may wait here, for an earlier one of their conversation or for a slot. */
  readonly maxParked: number;
  /** Whoever is silent for longer loses its turns. */
  readonly ackWaitMs: number;
  /** Of this process: once it is aborted nothing more is taken. */
  readonly stopping: AbortSignal;
  readonly log: Logger;
}

/** No room to wait in: each that is forgotten holds up its pull for this long, so that they do not come faster than they can be looked at. */
const fullPauseMs = 50;

/**
 * With turns of so many users at hand there is somebody for each slot, and all others wait in the queue: where edges see how long it takes, and turn new
 * messages away. So what is held here is mostly what one user has too much.
 */
const enoughUsers = 100;

/** Of one that has ended: nobody is before it. */
const mayLeave: ReadonlySet<Place> = new Set(["first", "gone"]);

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
  readonly line: TurnLine;
  /** A slot that a pull holds and has nothing for. */
  readonly lend: () => boolean;
  readonly putBack: (delivery: Delivery) => Promise<void>;
}

/** Runs deliveries, at once or when their turn has come. */
function createRunning(
  { bus, runner, earlyEnds, slots, maxParked, stopping, log }: IntakeDeps,
  { resting, places, line, lend, putBack }: RunningDeps,
) {
  const { turns, agents } = bus;
  const run = (delivery: Delivery, onlyAfter?: number): Promise<void> =>
    runner.run({ ...delivery, onlyAfter, rest: () => resting.rest(delivery) });
  /** In a slot that is taken for it. */
  const occupySlot = (delivery: Held, party: Party, work: () => Promise<void>): void => {
    const end = line.begin(party);
    slots
      .occupy(() => work().finally(end))
      .catch((err: unknown) => {
        if (stopping.aborted) return delivery.nak();
        log.warn({ err }, "a delivery could not be handled; it will come again");
        resting.rest(delivery);
      });
  };
  /** A slot for what came without one. Somebody new does not wait while one user has many. */
  const takesSlot = ({ request }: Delivery): boolean =>
    slots.tryTake() || lend() || slots.tryTakeExtra(line.mostBefore(partyOf(request)));
  const parking = createParking({
    ...{ limit: maxParked, turns, agents, placeOf: places.placeOf, signal: stopping, ...earlyEnds },
    onFirst(delivery) {
      // Another worker may hold it too, since the broker took this one for dead: whoever claims it first has it.
      if (takesSlot(delivery)) occupySlot(delivery, partyOf(delivery.request), () => run(delivery, 0));
      else line.enter(delivery, true);
    },
    onSuspended(delivery) {
      putBack(delivery).catch((err: unknown) => {
        log.warn({ err }, "a turn could not be put back; it will come again");
        resting.rest(delivery);
      });
    },
  });
  return { run, occupySlot, takesSlot, parking };
}

type HandlingDeps = Pick<RunningDeps, "places" | "putBack"> & Pick<ReturnType<typeof createRunning>, "run" | "parking">;

/** What was seen of a delivery when it came, and may not be so any more. */
interface Seen {
  readonly isFirst?: boolean | undefined;
  /** See `RunnableTurn`. */
  readonly onlyAfter?: number | undefined;
}

/** Looks where each delivery belongs, and brings it there. Each has a slot meanwhile. */
function createHandling(deps: IntakeDeps, { run, parking, places, putBack }: HandlingDeps) {
  const { bus, runner, earlyEnds, stopping, log } = deps;
  const { agents } = bus;

  const park = async (delivery: Delivery): Promise<void> => {
    if (stopping.aborted || parking.park(delivery)) return;
    log.debug({ turn_id: delivery.request.turn_id }, "no room to wait in; the turn will come again");
    await sleep(fullPauseMs, stopping);
  };
  /** A worker of a newer version may read it: until it is too old it is not answered, and comes again after each ack wait. */
  const handleUnreadable = async (delivery: Delivery): Promise<void> => {
    const hasEnded =
      delivery.isErased === true
        ? await earlyEnds.endErased(delivery)
        : await earlyEnds.endTooOld(delivery, delivery.deliveries > 1);
    if (!hasEnded || !mayLeave.has(await places.lookUp(delivery))) return;
    await delivery.ack();
    agents.turnLeft(delivery.request);
  };
  return async (delivery: Delivery, { isFirst = delivery.isFirst, onlyAfter }: Seen = {}): Promise<void> => {
    if (delivery.isUnreadable === true) return handleUnreadable(delivery);
    if (runner.isRunning(delivery.request.turn_id)) return run(delivery);
    if (parking.isBehind(delivery)) return park(delivery);
    const place = isFirst === true ? "first" : await places.lookUp(delivery);
    if (place === "first") return run(delivery, onlyAfter);
    if (place === "gone") await delivery.ack();
    else if (place === "suspended") await putBack(delivery);
    else await park(delivery);
  };
}

/**
 * The last event that a chain may have for a turn to be claimed that waited for a slot: a worker that stood still meanwhile was taken for dead, and
 * somebody else may have it.
 */
function lastSeen(standing: TurnStanding | undefined): number | undefined {
  if (standing?.kind === "ended") return undefined;
  return standing?.kind === "begun" ? standing.seq : 0;
}

/** Gives slots to deliveries. */
function createPlacing(deps: IntakeDeps, lend: () => boolean, onGivenBack: (ms: number) => void) {
  const { bus, runner, earlyEnds, waits, slots, stopping, log } = deps;
  const { turns } = bus;
  const resting = createResting();
  const places = createPlaces(turns, runner, waits);
  const putBack = createPuttingBack(deps, places.placeOf);
  const line = createTurnLine({ turns, earlyEnds, onGivenBack, signal: stopping, log });
  const { run, occupySlot, takesSlot, parking } = createRunning(deps, { resting, places, line, lend, putBack });
  const handle = createHandling(deps, { run, parking, places, putBack });

  const handleQueued = async (entry: Queued): Promise<void> => {
    const [standing, turn] = await places.hold(entry, () => Promise.all([entry.standing, turns.at(entry.seq)]));
    if (turn === undefined || turn.request.turn_id !== entry.turn) return entry.ack();
    const seen = { isFirst: entry.isFirst, onlyAfter: lastSeen(standing) };
    await handle({ ...turn, ...answersOf(entry) }, seen);
  };
  slots.serve(() => {
    if (stopping.aborted) return false;
    const entry = line.next();
    if (entry !== undefined) occupySlot(entry, entry.party, () => handleQueued(entry));
    return entry !== undefined;
  });
  const begin = (delivery: Delivery): void => occupySlot(delivery, partyOf(delivery.request), () => handle(delivery));

  return {
    parking,
    line,
    /** All that is here and does not run. */
    held: [places, parking, resting, line],
    /** With the slot that was taken for it. */
    take(delivery: Delivery): void {
      const isNext = line.count() === 0 || delivery.isUnreadable === true;
      if (isNext && !stopping.aborted) return begin(delivery);
      if (stopping.aborted) delivery.nak();
      else line.enter(delivery);
      slots.release();
    },
    /** Without one. */
    queue(delivery: Delivery): void {
      if (stopping.aborted) delivery.nak();
      else if (delivery.isUnreadable === true) resting.rest(delivery);
      else if (takesSlot(delivery)) begin(delivery);
      else line.enter(delivery);
    },
  };
}

/**
 * Pulls turns while there is a free slot, and lets those of a conversation run one after the other in the order of acceptance.
 *
 * A delivery is `pulled` → `running` (first) | `parked` (an earlier turn runs; told when that has left the queue) | put back (an earlier turn waits for a
 * person) → `running` | given back | gone (cancelled while it waited). What cannot be handled now is `resting` → given back. Without a free slot one is
 * `queued` first: see `createTurnLine`.
 */
export function createIntake(deps: IntakeDeps) {
  const { bus, runner, slots, ackWaitMs, stopping, log } = deps;
  const placing = createPlacing(
    deps,
    () => pulling.lend(),
    (ms) => pulling.pause(ms),
  );
  const { parking, line, held, take, queue } = placing;
  const room = (): number =>
    line.users() < enoughUsers ? Math.max(0, deps.maxParked - parking.count() - line.count()) : 0;
  const pulling = startPulling({ turns: bus.turns, slots, take, queue, room, signal: stopping, log });
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
    /** Turns that wait here for a slot. */
    queued: line.count,
    /** Whether the turn runs here, claimed, or waits here. */
    has: (turn: string): boolean => runner.hasClaimed(turn) || line.has(turn) || parking.isParked(turn),

    /** Resolves once it pulls no more and what ran or waited here is handed over; that begins when the process stops. */
    stop: (): Promise<void> => stopped,
  };
}

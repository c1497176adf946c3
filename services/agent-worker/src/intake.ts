import type { Delivery, TurnQueue } from "@parley/bus";
import { createBackoff, sleep, type Logger } from "@parley/runtime";
import type { TurnRunner } from "./turn-runner.ts";

export interface IntakeDeps {
  readonly turns: TurnQueue;
  readonly runner: TurnRunner;
  /** Turns that may run here at once. */
  readonly slots: number;
  /** Turns that may wait here for an earlier one of their conversation; more are given back for a while. */
  readonly maxParked: number;
  /** A third of the queue's ack wait. */
  readonly heartbeatMs: number;
  readonly log: Logger;
}

/**
 * Few pulls wait at the broker at a time, and not for long: what is delivered to a frozen worker is lost until the ack wait is over, and a
 * pull of its own would swallow the redelivery too (seen with one pull per slot: 25 s until a takeover instead of 3).
 */
const pullers = 2;
const pullMs = 3_000;
const lookMs = 100;
const giveBackMs = 1_000;

type Place = "first" | "waits" | "gone";

/**
 * Pulls turns while there is a free slot, and lets a conversation's turns run one after the other in the order of acceptance (P4): only the
 * first message of a conversation's subject may run. The queue itself says which that is; there is no lock.
 *
 * A delivery is `pulled` → `running` (first) | `parked` (an earlier turn runs; looked at every 100 ms) → `running` | given back | gone
 * (cancelled while it waited).
 */
export function createIntake({ turns, runner, slots, maxParked, heartbeatMs, log }: IntakeDeps) {
  const parked = new Set<Delivery>();
  const waitingForSlot: (() => void)[] = [];
  let taken = 0;
  const stopping = new AbortController();

  const slotFreed = (): void => {
    for (const resolve of waitingForSlot.splice(0)) resolve();
  };

  const placeOf = async (delivery: Delivery): Promise<Place> => {
    const waiting = await turns.waiting(delivery.request.conversation_id);
    const [first] = waiting;
    if (!waiting.some((turn) => turn.seq === delivery.seq)) return "gone";
    if (first === undefined || first.seq === delivery.seq) return "first";
    // It may have ended without leaving the queue: then nobody else would ever remove it.
    if (!runner.isRunning(first.request.turn_id) && (await turns.hasEnded(first))) {
      await turns.remove(first.seq);
      return placeOf(delivery);
    }
    return "waits";
  };

  /** Runs it in a slot that is taken before the first wait, so that pullers and parked turns never share one. */
  const occupy = async (work: () => Promise<void>): Promise<void> => {
    taken++;
    try {
      await work();
    } catch (err) {
      log.warn({ err }, "a delivery could not be handled; it will come again");
    } finally {
      taken--;
      slotFreed();
    }
  };

  const freeSlot = async (): Promise<void> => {
    while (taken >= slots && !stopping.signal.aborted) {
      await new Promise<void>((resolve) => waitingForSlot.push(resolve));
    }
  };

  const unpark = (delivery: Delivery, place: Place): void => {
    parked.delete(delivery);
    if (place === "gone") void delivery.ack();
    else if (taken < slots) void occupy(() => runner.run(delivery));
    else delivery.nak();
  };

  const park = async (delivery: Delivery): Promise<void> => {
    if (parked.size >= maxParked) return delivery.nak(giveBackMs);
    parked.add(delivery);
    for (let place: Place = "waits"; parked.has(delivery);) {
      await sleep(lookMs, stopping.signal);
      if (stopping.signal.aborted) return;
      // The broker may be away: the delivery then comes again, to whomever.
      place = await placeOf(delivery).catch((): Place => "waits");
      if (place !== "waits") unpark(delivery, place);
    }
  };

  const handle = async (delivery: Delivery): Promise<void> => {
    const place = runner.isRunning(delivery.request.turn_id) ? "first" : await placeOf(delivery);
    if (place === "first") return runner.run(delivery);
    if (place === "gone") return void (await delivery.ack());
    void park(delivery);
  };

  const pull = async (): Promise<void> => {
    const backoff = createBackoff({ minMs: 100, maxMs: 2_000 });
    while (!stopping.signal.aborted) {
      await freeSlot();
      try {
        const delivery = await turns.next(pullMs);
        backoff.reset();
        if (delivery === undefined) continue;
        if (stopping.signal.aborted) delivery.nak();
        else void occupy(() => handle(delivery));
      } catch (err) {
        log.debug({ err }, "no turn could be pulled");
        await sleep(backoff.nextMs(), stopping.signal);
      }
    }
  };

  const heartbeat = setInterval(() => {
    runner.heartbeat();
    for (const delivery of parked) delivery.working();
  }, heartbeatMs);
  for (let i = 0; i < pullers; i++) void pull();

  return {
    parked: (): number => parked.size,

    /** Pulls no more and hands over what runs or waits here. */
    async stop(): Promise<void> {
      stopping.abort();
      slotFreed();
      for (const delivery of parked) delivery.nak();
      parked.clear();
      await runner.handOver();
      clearInterval(heartbeat);
    },
  };
}

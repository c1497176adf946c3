import type { Delivery, QueuedTurn, TurnQueue } from "@parley/bus";
import type { Logger } from "@parley/runtime";
import { createParking, type Place } from "./parking.ts";
import { startPulling } from "./pulling.ts";
import { createSlots } from "./slots.ts";
import { withoutQueue, type TurnRunner } from "./turn-runner.ts";

export interface IntakeDeps {
  /** Whether somebody has asked to cancel the turn. */
  readonly isCancelled: (turn: QueuedTurn) => Promise<boolean>;
  readonly turns: TurnQueue;
  readonly runner: TurnRunner;
  /** Turns that may run here at once. */
  readonly slots: number;
  /** Turns that may wait here for an earlier one of their conversation. */
  readonly maxParked: number;
  /** A third of the queue's ack wait. */
  readonly heartbeatMs: number;
  readonly log: Logger;
}

/** A delivery that could not be looked at (the broker did not answer) is tried again after this. */
const giveBackMs = 500;

/** What shows neither the turn nor one before it: the turn has left the queue, or whoever answered did not know it yet. */
function isBehind(first: QueuedTurn | undefined, { seq }: Delivery): boolean {
  return first === undefined || first.seq > seq;
}

/** Only the first turn of a conversation may run (P4). The queue itself says which that is; there is no lock. */
function createPlaces(turns: TurnQueue, runner: TurnRunner) {
  const placeOf = async (delivery: Delivery): Promise<Place> => {
    const { conversation_id: conversation } = delivery.request;
    let first = await turns.first(conversation);
    if (isBehind(first, delivery)) {
      if (!(await turns.isQueued(delivery.seq))) return "gone";
      // The look that did not show it was of the moment before a new leader knew everything.
      first = await turns.first(conversation);
    }
    if (first === undefined || isBehind(first, delivery) || first.seq === delivery.seq) return "first";
    // It may have ended without leaving the queue: then nobody else would ever remove it.
    if (runner.isRunning(first.request.turn_id) || !(await turns.hasEnded(first))) return "waits";
    await turns.removeFirst(first.seq);
    return placeOf(delivery);
  };
  return placeOf;
}

/**
 * Pulls turns while there is a free slot, and lets those of a conversation run one after the other in the order of acceptance.
 *
 * A delivery is `pulled` → `running` (first) | `parked` (an earlier turn runs; looked at every 100 ms) → `running` | given back | gone
 * (cancelled while it waited).
 */
export function createIntake({ turns, runner, isCancelled, slots: limit, maxParked, heartbeatMs, log }: IntakeDeps) {
  const stopping = new AbortController();
  const { signal } = stopping;
  const slots = createSlots(limit);
  const placeOf = createPlaces(turns, runner);
  const unhandled = (err: unknown): void => log.warn({ err }, "a delivery could not be handled; it will come again");

  const parking = createParking({
    limit: maxParked,
    placeOf,
    isCancelled,
    onCancelled: (delivery) => void runner.run(withoutQueue(delivery)),
    signal,
    onLeft(delivery, place) {
      if (place === "gone") void delivery.ack();
      else if (slots.isFree()) slots.occupy(() => runner.run(delivery)).catch(unhandled);
      else delivery.nak();
    },
  });

  const handle = async (delivery: Delivery): Promise<void> => {
    const place = runner.isRunning(delivery.request.turn_id) ? "first" : await placeOf(delivery);
    if (place === "first") return runner.run(delivery);
    if (place === "gone") return void (await delivery.ack());
    parking.park(delivery);
  };

  const take = (delivery: Delivery): void => {
    if (signal.aborted) return delivery.nak();
    void slots
      .occupy(() => handle(delivery))
      .catch((err: unknown) => {
        unhandled(err);
        delivery.nak(giveBackMs);
      });
  };
  startPulling({ turns, slots, take, signal, log });

  const heartbeat = setInterval(() => {
    runner.heartbeat();
    parking.heartbeat();
  }, heartbeatMs);

  return {
    parked: parking.count,

    /** Pulls no more and hands over what runs or waits here. */
    async stop(): Promise<void> {
      stopping.abort();
      parking.giveBack();
      await runner.handOver();
      clearInterval(heartbeat);
    },
  };
}

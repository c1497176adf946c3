import { isTerminal } from "@parley/protocol";
import type { StoredAt } from "../history.ts";

/**
 * The broker stores one event after the other, but may pass on the later one first. A viewer that got it had everything up to the one that
 * was passed over; it is put right by a snapshot of the conversation, and that soon.
 */
export interface PassedOver {
  /** The viewer has been given something that was stored after these. */
  add(events: readonly StoredAt[], atMs: number): void;
  isEmpty(): boolean;
  /** What the viewer has of this turn is not whole. */
  has(turn: string): boolean;
  /** A snapshot of the conversation stands for all events up to its place. */
  settle(seq: number): void;
  /** A snapshot of a turn stands for all events of it up to its place, but neither for messages nor for ends. */
  settleTurn(turn: string, seq: number): void;
  /** The viewer may be sent something from now on. */
  attach(atMs: number): void;
  detach(atMs: number): void;
  /** Called with everything that happens while the viewer is attached. */
  look(atMs: number): void;
  finish(): void;
}

/** From the moment the late copy comes: what the design promises, and what a machine takes that runs twenty processes on two cores. */
const promisedMs = 1_000;
const busyMs = 4_000;

/** How soon after it was passed over an event must be there, on a connection that holds. */
export const putRightWithinMs = (copiesLateMs: number): number => copiesLateMs + promisedMs + busyMs;

export function createPassedOver(copiesLateMs: number, report: (event: StoredAt, how: string) => void): PassedOver {
  const missing = new Map<number, { readonly event: StoredAt; fromMs: number }>();
  const withinMs = putRightWithinMs(copiesLateMs);
  let isAttached = true;
  const look = (atMs: number): void => {
    if (!isAttached) return;
    for (const [seq, { event, fromMs }] of missing) {
      if (atMs - fromMs <= withinMs) continue;
      missing.delete(seq);
      report(event, `for ${atMs - fromMs} ms`);
    }
  };
  return {
    add(events, atMs) {
      for (const event of events) missing.set(event.seq, { event, fromMs: atMs });
    },
    isEmpty: () => missing.size === 0,
    has: (turn) => [...missing.values()].some(({ event }) => event.turn === turn),
    settle(upTo) {
      for (const seq of missing.keys()) if (seq <= upTo) missing.delete(seq);
    },
    settleTurn(turn, upTo) {
      for (const [seq, { event }] of missing) {
        const isFolded = event.turn === turn && event.event.type !== "message" && !isTerminal(event.event.type);
        if (isFolded && seq <= upTo) missing.delete(seq);
      }
    },
    attach(atMs) {
      isAttached = true;
      for (const each of missing.values()) each.fromMs = atMs;
    },
    detach(atMs) {
      look(atMs);
      isAttached = false;
    },
    look,
    finish() {
      for (const { event } of missing.values()) report(event, "to the end");
      missing.clear();
    },
  };
}

import { changedMessage, type VisibleEvent } from "@parley/dialects";
import { isTerminal, type TurnId, type WaitingFrame } from "@parley/protocol";
import { turnsUnderWay, type Ring } from "./ring.ts";

/** What a hub knows of turns that wait. Only the functions of this file change it. */
export interface HubQueue {
  /** What its viewers are told; undefined: nothing waits, as far as anybody has looked. */
  frame: WaitingFrame | undefined;
  /** Whether the queue was looked at. */
  isKnown: boolean;
  /** Turns of which a message came and no end. */
  readonly open: Set<TurnId>;
}

export function createHubQueue(): HubQueue {
  return { frame: undefined, isKnown: false, open: new Set() };
}

/** All up to now was deleted, or is another stream's. */
export function forgetQueue(queue: HubQueue): void {
  queue.frame = undefined;
  queue.isKnown = false;
  queue.open.clear();
}

/** More than wait in a queue; those beyond have ended unseen. */
const mostOpen = 64;

/**
 * Whether what waits may be other than it was. A turn that runs at once never makes it so; nor does any event of a conversation in which nothing waits,
 * but for a message that comes while another turn is open.
 */
export function mayChangeQueue(
  { queue, ring }: { readonly queue: HubQueue; readonly ring: Ring },
  { turn, type }: VisibleEvent,
): boolean {
  const { open, frame } = queue;
  if (type === "message") {
    open.add(turn);
    const [oldest] = open;
    if (open.size > mostOpen && oldest !== undefined) open.delete(oldest);
    return open.size > 1 || turnsUnderWay(ring).some((other) => other !== turn);
  }
  if (isTerminal(type)) {
    open.delete(turn);
    return frame !== undefined;
  }
  return frame !== undefined && (type === changedMessage || frame.turns.some(({ turn_id }) => turn_id === turn));
}

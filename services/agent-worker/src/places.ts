import type { Delivery, QueuedTurn, TurnQueue } from "@parley/bus";
import type { Place } from "./parking.ts";
import type { TurnRunner } from "./turn-runner.ts";
import type { Waits } from "./waits.ts";

/** What must be known of a delivery to hold it, or to give it back. */
export type Held = Pick<Delivery, "deliveries" | "nak" | "working">;

export type Placed = Pick<QueuedTurn, "seq"> & { readonly conversation: string };

/** What shows neither the turn nor one before it: the turn has left the queue, or whoever answered did not know it yet. */
function isBehind(first: QueuedTurn | undefined, { seq }: Placed): boolean {
  return first === undefined || first.seq > seq;
}

/** Only the first turn of a conversation may run (P4). The queue itself says which that is; there is no lock. */
export function createPlaces(turns: TurnQueue, runner: TurnRunner, waits: Pick<Waits, "wakeFirst">) {
  /** Deliveries that something is being looked up of. */
  const inHand = new Set<Held>();
  const hold = <Found>(delivery: Held, work: () => Promise<Found>): Promise<Found> => {
    inHand.add(delivery);
    return work().finally(() => inHand.delete(delivery));
  };

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
    await turns.removeFirst(first.seq);
    // Its worker may have been lost before it woke those that were put back behind it. What is in our hands is awake.
    await waits.wakeFirst(conversation, seq);
    return placeOf(placed);
  };

  return {
    placeOf,
    hold,
    lookUp: (delivery: Delivery): Promise<Place> =>
      hold(delivery, () => placeOf({ seq: delivery.seq, conversation: delivery.request.conversation_id })),
    held: (): Iterable<Held> => inHand,
    /** At once: the broker may be slow to say where they stand. */
    giveBack(): void {
      for (const delivery of inHand) delivery.nak();
    },
  };
}

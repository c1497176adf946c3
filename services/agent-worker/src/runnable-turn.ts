import type { Bus, DeliveryAnswers, QueuedTurn } from "@parley/bus";

/** A turn that this worker may try to run: delivered by the queue, or found there by whoever looks after it. */
export interface RunnableTurn extends QueuedTurn, DeliveryAnswers {
  /** Keeps it for a while, because it failed, and then gives it back. */
  rest(): void;
  /** Unset: the broker did not give it to us. */
  readonly deliveries?: number;
  /** See `Delivery`: it never waited. */
  readonly isFirst?: true;
  /** It is claimed only if this is the sequence of its chain's last event. */
  readonly onlyAfter?: number | undefined;
  /** It is claimed from a writer that goes on writing, too. */
  readonly insists?: boolean;
}

/**
 * A turn that the broker did not give us. Once it has ended it leaves the queue only if it is the first of its conversation; else whoever gets it
 * in its time finds it ended.
 */
export function withoutDelivery(
  { seq, storedMs, request }: QueuedTurn,
  { turns }: Pick<Bus, "turns">,
  onlyAfter?: number,
): RunnableTurn {
  const ack = async (): Promise<void> => void (await turns.removeEnded(request.conversation_id));
  return { seq, storedMs, request, onlyAfter, ack, nak() {}, async putBack() {}, working() {}, rest() {} };
}

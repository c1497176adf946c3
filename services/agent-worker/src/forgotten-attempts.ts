import type { Bus, QueuedTurn } from "@parley/bus";
import { subjects } from "@parley/protocol";

/** Of one delivery: a worker begins again when the log has lost its attempt. */
export const mostAttempts = 6;

/** Between the clocks of a cluster's servers: one leads the queue, another one the event stream. */
const clocksApartMs = 1_000;

/** In so short a time nobody has had a turn, ended it, and its events were forgotten: who claims it was quicker than its edge, as for one turn in five. */
const promptMs = 250;

export function isPrompt(queuedAt: number): boolean {
  return Math.abs(Date.now() - queuedAt) < promptMs;
}

/**
 * Whether events of the turn may be forgotten: none that is kept is as old as it, by the broker's clocks. The stream drops what is oldest, so while one is, nothing
 * of the turn has gone. True as well where the stream was empty before the turn came, which costs look-ups that find nothing.
 */
export async function mayBeForgotten(
  { request, storedMs }: Pick<QueuedTurn, "request" | "storedMs">,
  { events }: Pick<Bus, "events">,
): Promise<boolean> {
  const { firstMs } = await events.state(events.shardOf(request.conversation_id));
  return firstMs > storedMs - clocksApartMs;
}

/**
 * At most, of a turn whose events are forgotten: viewers have seen them. Whoever claims a turn sees to its message, so one that was claimed and
 * is not forgotten has it.
 */
export async function attemptsOfOthers(
  turn: QueuedTurn & { readonly deliveries?: number },
  bus: Pick<Bus, "events">,
): Promise<number> {
  const { request, deliveries = 1 } = turn;
  if (deliveries === 1 || isPrompt(turn.storedMs) || !(await mayBeForgotten(turn, bus))) return 0;
  const { conversation_id, turn_id } = request;
  const message = await bus.events.last(subjects.user(bus.events.shardOf(conversation_id), conversation_id, turn_id));
  return message === undefined ? (deliveries - 1) * mostAttempts : 0;
}

import type { Bus, QueuedTurn } from "@parley/bus";
import { subjects } from "@parley/protocol";

/** Of one delivery: a worker begins again when the log has lost its attempt. */
export const mostAttempts = 6;

/** What was given back sooner than this was not taken from a lost worker; and its edge may still be about to write its message. */
const soonMs = 2_500;

/**
 * At most, of a turn whose events are forgotten: viewers have seen them. Whoever claims a turn sees to its message, so one that was claimed and
 * is not forgotten has it.
 */
export async function attemptsOfOthers(
  { request, storedMs, deliveries = 1 }: QueuedTurn & { readonly deliveries?: number },
  { events }: Pick<Bus, "events">,
): Promise<number> {
  if (deliveries === 1 || Math.abs(Date.now() - storedMs) < soonMs) return 0;
  const { conversation_id, turn_id } = request;
  const message = await events.last(subjects.user(events.shardOf(conversation_id), conversation_id, turn_id));
  return message === undefined ? (deliveries - 1) * mostAttempts : 0;
}

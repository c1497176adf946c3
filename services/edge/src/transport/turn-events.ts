import { RangeTooLargeError, type Bus } from "@parley/bus";
import type { TurnPlace } from "@parley/dialects";
import { decodeEvent, subjects, type ReadEvent } from "@parley/protocol";

/** What there is of the events of a conversation from the first of this turn's on; undefined: they are not kept any more, or are too many to be read at once. */
export async function readTurnEvents(
  events: Bus["events"],
  { conversation_id, turn_id }: TurnPlace,
): Promise<ReadEvent[] | undefined> {
  const shard = events.shardOf(conversation_id);
  // Which of the two comes first depends on who was quicker, the edge or the worker.
  const first = await Promise.all([
    events.firstSeq(subjects.user(shard, conversation_id, turn_id)),
    events.firstSeq(subjects.agent(shard, conversation_id, turn_id)),
  ]);
  const fromSeq = Math.min(...first.map((seq) => seq ?? Infinity));
  if (fromSeq === Infinity) return undefined;
  try {
    return (await events.read(conversation_id, { fromSeq })).map(({ data }) => decodeEvent(data));
  } catch (error) {
    if (error instanceof RangeTooLargeError) return undefined;
    throw error;
  }
}

import { subjects } from "@parley/protocol";
import { deliveryLimits } from "../delivery/delivery-limits.ts";
import type { Hub } from "./hub.ts";
import type { Stored } from "./rest.ts";

/** What is stored says of a cursor. `gone`: what its client has was deleted. */
export type QuietFinding = "clear" | "whole" | "gone";

/**
 * Of a cursor with nothing of the conversation stored for as far below it as events overtake each other. That is so of a snapshot's, if the
 * conversation was quiet for a while; and of any if what was below is older than events are kept, or was deleted.
 */
export async function findingOfQuiet(stored: Stored, hub: Hub, cursor: number): Promise<QuietFinding> {
  const { events } = stored;
  if (await isRecordedBefore(stored, hub, cursor)) return "clear";
  // Its key was erased, and the rest is not removed yet.
  if ((await stored.transcripts.tail(hub.conversation, { limit: 1 })).isErased === true) return "gone";
  const all = subjects.eventsOf(hub.shard, hub.conversation);
  const newest = await events.last(all);
  if (newest !== undefined && newest.seq <= cursor) return "clear";
  // What is old goes bit by bit, a conversation that is deleted at once: of that nothing is left from before the cursor.
  if (newest !== undefined && ((await events.firstSeq(all)) ?? Infinity) <= cursor) return "clear";
  if (await wasDeletedAfter(stored, hub, { cursor, isEmpty: newest === undefined })) return "gone";
  // Where even the cursor's place is no longer kept, it may have been an event's, and nobody can tell what that one had overtaken.
  const { firstSeq } = await events.state(hub.shard);
  return cursor < firstSeq ? "whole" : "clear";
}

/**
 * Whether the newest turn of the transcript began before the cursor. Then nothing was deleted since: records go all at once. Only exact look-ups, which
 * cost the broker next to nothing.
 */
async function isRecordedBefore({ events, transcripts }: Stored, hub: Hub, cursor: number): Promise<boolean> {
  const { conversation, shard } = hub;
  const newest = await transcripts.newest(conversation);
  if (newest === undefined) return false;
  const start = await events.last(subjects.user(shard, conversation, newest.turn_id));
  return start !== undefined && start.seq <= cursor;
}

/**
 * Of a conversation without events up to the cursor; `isEmpty`: it has none at all. Records are kept until they are deleted, and all at once: one of a turn
 * that did not begin after the cursor shows that nothing was deleted since.
 */
async function wasDeletedAfter(
  { events, transcripts }: Stored,
  { conversation, shard }: Hub,
  { cursor, isEmpty }: { readonly cursor: number; readonly isEmpty: boolean },
): Promise<boolean> {
  // If all of so many are newer, the client gets the whole in any case.
  const limit = isEmpty ? 1 : deliveryLimits.snapshotMessages;
  const { turns } = await transcripts.tail(conversation, { limit });
  const [oldest] = turns;
  if (oldest === undefined || isEmpty) return oldest === undefined;
  const start = await events.last(subjects.user(shard, conversation, oldest.turn_id));
  return start !== undefined && start.seq > cursor;
}

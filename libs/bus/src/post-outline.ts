import { PostRecord, parseStored, streams, subjects, type ConversationId, type PostEvent } from "@parley/protocol";
import type { FoundMessage } from "./direct-get.ts";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";

interface PostOutlineDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
}

/** What a list says of it: the first message, and when the last one was written, ms since 1970. */
interface PostOutline {
  readonly first: string | undefined;
  readonly updatedMs: number;
}

/** Of a conversation in which no turn has ended: people may have written to each other all the same. */
export async function outlineOfPosts(
  { jsm, events }: PostOutlineDeps,
  conversation: ConversationId,
): Promise<PostOutline | undefined> {
  const shard = events.shardOf(conversation);
  const [stream, subject] = [streams.log(shard), subjects.post(shard, conversation)];
  const newest = postIn(await jsm.lookUp(stream, { last_by_subj: subject }));
  if (newest === undefined) return undefined;
  const oldest = postIn(await jsm.lookUp(stream, { seq: 1, next_by_subj: subject }));
  return { first: oldest?.message, updatedMs: newest.ts };
}

function postIn(message: FoundMessage | null): PostEvent | undefined {
  return message === null ? undefined : PostRecord.safeParse(parseStored(message.data)).data?.post;
}

import {
  ChangesRecord,
  limits,
  parseStored,
  PeopleRecord,
  PostRecord,
  seqsBefore,
  streams,
  subjects,
  type ConversationId,
  type MessageChanges,
  type People,
  type PostEvent,
} from "@parley/protocol";
import { createGate } from "@parley/runtime";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export type RoomReading = ReturnType<typeof createRoomReading>;

const lookUpsAtOnce = 64;

/** What agent workers read of conversations with several people (docs/adr/0029): they write none of it. */
export function createRoomReading(jsm: PatientLookups, events: EventLog, unreadable: Unreadable) {
  const gate = createGate(lookUpsAtOnce);

  const lookUp = async (stream: string, query: { last_by_subj: string } | { seq: number }) => {
    const message = await gate(() => ("seq" in query ? jsm.lookUpKept(stream, query.seq) : jsm.lookUp(stream, query)));
    return message === null ? undefined : { message, value: parseStored(message.data) };
  };

  const postAt = async (conversation: ConversationId, query: { last_by_subj: string } | { seq: number }) => {
    const shard = events.shardOf(conversation);
    const found = await lookUp(streams.log(shard), query);
    if (found?.message.subject !== subjects.post(shard, conversation)) return undefined;
    const record = PostRecord.safeParse(found.value).data;
    if (record === undefined) unreadable.note("record", found.message);
    return record && { record, bytes: found.message.data.length };
  };

  return {
    /** Undefined: the conversation never had other people, or was deleted. */
    async people(conversation: ConversationId): Promise<People | undefined> {
      const shard = events.shardOf(conversation);
      const found = await lookUp(streams.log(shard), { last_by_subj: subjects.people(shard, conversation) });
      if (found === undefined) return undefined;
      const record = PeopleRecord.safeParse(found.value).data;
      if (record === undefined) unreadable.note("record", found.message);
      return record?.people;
    },

    /** The newest messages between people, oldest first; fewer where they are large, or behind one that cannot be read. */
    async posts(conversation: ConversationId, limit: number): Promise<PostEvent[]> {
      const last = { last_by_subj: subjects.post(events.shardOf(conversation), conversation) };
      let page = [await postAt(conversation, last)];
      const posts: PostEvent[] = [];
      let bytes = 0;
      for (;;) {
        let link: PostRecord | undefined;
        for (const found of page) {
          if (found?.record.post === undefined) return posts.toReversed();
          bytes += found.bytes;
          if (posts.length >= limit || bytes > limits.transcriptPageBytes) return posts.toReversed();
          posts.push(found.record.post);
          link = found.record;
        }
        if (link === undefined) return posts.toReversed();
        const seqs = seqsBefore(link).slice(0, limit - posts.length);
        page = await Promise.all(seqs.map((seq) => postAt(conversation, { seq })));
      }
    },

    /** What became of these messages, of those of which anything did. */
    async changes(conversation: ConversationId, messages: readonly string[]): Promise<MessageChanges[]> {
      const shard = events.shardOf(conversation);
      const found = await Promise.all(
        messages.map((id) => lookUp(streams.log(shard), { last_by_subj: subjects.change(shard, conversation, id) })),
      );
      return found.flatMap((one) => ChangesRecord.safeParse(one?.value).data?.changes ?? []);
    },
  };
}

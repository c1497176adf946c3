import {
  PostRecord,
  parseStored,
  readTurnRecord,
  streams,
  subjects,
  turnOfRecord,
  type AnyTurnRecord,
  type ConversationId,
} from "@parley/protocol";
import type { FoundMessage } from "./direct-get.ts";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";

/**
 * What stands in the place of a record that was erased: the same record without words, under its sequence (docs/adr/0032). Chains name records by their sequence, and no record can be changed, so
 * whoever finds none at a place looks here. It counts only where it has no words: edges may write it, and must not be able to put words into anybody's mouth.
 */
export async function erasedAt(
  { jsm, events }: { readonly jsm: PatientLookups; readonly events: Pick<EventLog, "shardOf"> },
  conversation: ConversationId,
  seq: number,
): Promise<FoundMessage | undefined> {
  const shard = events.shardOf(conversation);
  const subject = subjects.erased(shard, conversation, seq);
  const found = await jsm.lookUp(streams.log(shard), { last_by_subj: subject });
  if (found === null || !isWordless(parseStored(found.data))) return undefined;
  return { ...found, seq };
}

function isWordless(value: unknown): boolean {
  const post = PostRecord.safeParse(value).data?.post;
  if (post !== undefined) return post.message === "";
  const record = readTurnRecord(value);
  if (record === undefined) return false;
  const { question, answer } = turnOfRecord(record, 0);
  return [question, answer].every(
    (one) =>
      one === undefined ||
      (one.message === "" && (one.parts ?? []).length === 0 && (one.tool_calls ?? []).length === 0),
  );
}

/** A post of somebody who is gone: its place stays. */
export function wordlessPost(record: PostRecord, pseudonym: string): PostRecord {
  const { post } = record;
  if (post === undefined) return record;
  const { reply_to: _reply, mentions: _mentions, ...rest } = post;
  return { ...record, post: { ...rest, id: "erased", author: { role: "user", id: pseudonym }, message: "" } };
}

/** A turn of somebody who is gone: what they asked, and what was answered, which says it again. Its place in the conversation stays. */
export function wordlessTurn(record: AnyTurnRecord, pseudonym: string): AnyTurnRecord {
  const author = { role: "user", id: pseudonym } as const;
  if (!("kind" in record)) {
    const { v, conversation_id, prev, back, place, queued_at, message_id, turn_id, status, ts } = record;
    const own = record.author.role === "assistant" ? { role: "assistant" as const } : author;
    const link = back === undefined ? { prev } : { prev, back };
    return { v, conversation_id, ...link, place, queued_at, message_id, turn_id, author: own, message: "", status, ts };
  }
  const { question, answer } = record;
  const { message_id, ts } = question;
  const { usage, status } = answer;
  return {
    ...record,
    question: { message_id, ts, author, parts: [], id: "erased" },
    answer: { message_id: answer.message_id, ts: answer.ts, author: { role: "assistant" }, parts: [], status, usage },
  };
}

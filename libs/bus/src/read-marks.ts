import { createHash } from "node:crypto";
import {
  ReadRecord,
  messageIdOf,
  parseStored,
  shardOfSubject,
  streams,
  subjects,
  turnOfMessage,
  type ConversationId,
  type Person,
  type ReadMark,
} from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { FoundMessage } from "./direct-get.ts";
import {
  createConversationEnds,
  turnsUpTo,
  type ConversationEnd,
  type ConversationEnds,
  type EndsDeps,
} from "./conversation-ends.ts";
import { countUnread } from "./unread.ts";

export type ReadMarksDeps = EndsDeps;

/** How far somebody has read: up to this message, which stands behind so many posts, and behind this record of a turn. */
export interface ReadPlace {
  readonly message_id: string;
  readonly post: number;
  readonly turn: number;
  /** Its turn has no record yet: others may stand at the same place. */
  readonly isOpen?: boolean;
}

export type ReadMarks = ReturnType<typeof createReadMarks>;

/** So far back a message is looked for. What is older is no news. */
const mostLooks = 48;

/** How far members have read: one record for each, on a subject of its own in `LOG`; the last one counts, and none goes back (compare-and-set). */
export function createReadMarks(deps: ReadMarksDeps) {
  const { jsm, events, unreadable } = deps;
  const ends = createConversationEnds(deps);
  const read = (message: FoundMessage | null): LastOne<ReadRecord> | undefined => {
    if (message === null) return undefined;
    const value = ReadRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  const last = async (subject: string): Promise<LastOne<ReadRecord> | undefined> =>
    read(await jsm.streams.getMessage(streams.log(shardOfSubject(subject)), { last_by_subj: subject }));
  const placeOf = (conversation: ConversationId, userId: string) => {
    const shard = events.shardOf(conversation);
    return { stream: streams.log(shard), subject: subjects.read(shard, conversation, hashOf(userId)) };
  };
  const of = async (conversation: ConversationId, userId: string): Promise<ReadRecord | undefined> => {
    const { stream, subject } = placeOf(conversation, userId);
    return read(await jsm.lookUp(stream, { last_by_subj: subject }))?.value;
  };

  return {
    /** Undefined: they have never said. */
    of,

    /** Of the last message there is; undefined: there is none. */
    end: async (conversation: ConversationId): Promise<ReadPlace | undefined> => endOf(await ends.of(conversation)),

    /** Undefined: there is no such message, or it is so old that whoever has read it has read later ones. */
    placeOf: (conversation: ConversationId, messageId: string): Promise<ReadPlace | undefined> =>
      find(deps, ends, conversation, messageId),

    /** Moves the mark forward; undefined: it is as far already. Throws OVERLOADED when the broker has not answered for 15 s. */
    async move(conversation: ConversationId, user: Person, place: ReadPlace): Promise<ReadMark | undefined> {
      const { stream, subject } = placeOf(conversation, user.id);
      let isFirst = true;
      let kept: ReadRecord | undefined;
      const appended = await appendBehind<ReadRecord>({ append: events.append, last }, subject, (found, tried) => {
        isFirst = found === undefined;
        const before = found?.value;
        if (tried !== undefined && before?.ts === tried.ts) return void (kept = tried);
        if (before?.mark !== undefined && !isForward(before, place)) return undefined;
        return recordAfter(before, conversation, user, place);
      });
      if (!isFirst && appended !== undefined)
        await jsm.streams.purge(stream, { filter: subject, keep: 1 }).catch(() => {});
      return (appended?.value ?? kept)?.mark;
    },

    /** Messages of others behind the user's mark, at most `unreadShown`. `sinceMs`: when something was last said, by the clock of an edge. */
    async unread(conversation: ConversationId, userId: string, sinceMs = Infinity): Promise<number> {
      const record = await of(conversation, userId);
      if (record !== undefined && sinceMs < record.ts - clockSkewMs) return 0;
      return countUnread(ends, conversation, { userId, post: record?.post ?? 0, turn: record?.turn ?? 0 });
    },

    /** The conversation was deleted. What is stored behind this counts for nobody: where there are no people nobody looks for it. */
    async bury(conversation: ConversationId): Promise<void> {
      const shard = events.shardOf(conversation);
      await jsm.streams.purge(streams.log(shard), { filter: subjects.readsOf(shard, conversation) });
    },
  };
}

/** By so much clocks of edges may differ. */
const clockSkewMs = 60_000;

/** Names of users may have any characters. */
function hashOf(userId: string): string {
  return createHash("sha256").update(userId).digest("base64url");
}

function recordAfter(
  before: ReadRecord | undefined,
  conversation_id: ConversationId,
  user: Person,
  { message_id, post, turn }: ReadPlace,
): ReadRecord {
  const known = { post: 0, turn: 0, ...before };
  // Rises whatever the clocks of edges say: readers go by it.
  const ts = Math.max(Date.now(), (before?.mark?.ts ?? 0) + 1);
  const place = { post: Math.max(post, known.post), turn: Math.max(turn, known.turn) };
  return { v: 1, kind: "read", conversation_id, mark: { user, message_id, ts }, ...place, ts };
}

function isForward({ mark, post, turn }: ReadRecord, place: ReadPlace): boolean {
  if (place.post > post || place.turn > turn) return true;
  if (place.post < post || place.turn < turn || mark === undefined) return false;
  // At the same place: a turn that has no record yet, or the answer to the question that was read.
  const answered = turnOfMessage(mark.message_id);
  const isAnswer = answered !== undefined && place.message_id === messageIdOf(answered, "assistant");
  return mark.message_id !== place.message_id && (place.isOpen === true || isAnswer);
}

function endOf({ post, turn }: ConversationEnd): ReadPlace | undefined {
  const place = turnsUpTo({ post, turn }, Infinity);
  const written = post?.newest?.post?.message_id;
  const answered = turn?.newest === undefined ? undefined : messageIdOf(turn.newest, "assistant");
  const isPost = written !== undefined && (post?.seqs[0] ?? 0) > place.turn;
  const message_id = isPost ? written : answered;
  return message_id === undefined ? undefined : { message_id, ...place };
}

async function find(
  { events }: ReadMarksDeps,
  ends: ConversationEnds,
  conversation: ConversationId,
  messageId: string,
): Promise<ReadPlace | undefined> {
  const turn = turnOfMessage(messageId);
  if (turn === undefined) return undefined;
  const end = await ends.of(conversation);
  const seqs = [...(end.post?.seqs ?? []), ...(end.turn?.seqs ?? [])].toSorted((one, other) => other - one);
  for (const seq of seqs.slice(0, mostLooks)) {
    const record = await ends.at(conversation, seq);
    if (record?.turnId !== turn) continue;
    return { message_id: messageId, ...turnsUpTo(end, seq) };
  }
  const subject = subjects.user(events.shardOf(conversation), conversation, turn);
  if ((await events.last(subject)) === undefined) return undefined;
  return { message_id: messageId, ...turnsUpTo(end, Infinity), isOpen: true };
}

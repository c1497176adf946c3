import {
  PostRecord,
  RecordLink,
  parseStored,
  readTurnRecord,
  seqsBefore,
  streams,
  subjects,
  turnOfRecord,
  type ConversationId,
  type TurnId,
} from "@parley/protocol";
import type { FoundMessage } from "./direct-get.ts";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface EndsDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly unreadable: Unreadable;
}

interface End<T> {
  /** What it is of; undefined: this version cannot read it. */
  readonly newest: T | undefined;
  /** Its sequence in `LOG`, and those of the ones before it as far as it names them, newest first. */
  readonly seqs: readonly number[];
}

/** How far a conversation goes. Posts and records of turns are in one stream, so their sequences say which was stored first. */
export interface ConversationEnd {
  readonly post: (End<PostRecord> & { readonly n: number }) | undefined;
  readonly turn: End<TurnId> | undefined;
}

/** A post, or the record of a turn. */
export interface EndRecord {
  readonly turnId: TurnId;
  /** Of the question. */
  readonly authorId: string | undefined;
  /** How many messages it has: the one that was asked or posted, and the answer. */
  readonly questions: 0 | 1;
  readonly answers: 0 | 1;
}

export type ConversationEnds = ReturnType<typeof createConversationEnds>;

/** The last post and the last record of conversations: two exact look-ups, which those share who ask at the same time. */
export function createConversationEnds({ jsm, events }: EndsDeps) {
  const asked = new Map<ConversationId, Promise<ConversationEnd>>();

  const look = async (conversation: ConversationId): Promise<ConversationEnd> => {
    const shard = events.shardOf(conversation);
    const [post, turn] = await Promise.all([
      jsm.lookUp(streams.log(shard), { last_by_subj: subjects.post(shard, conversation) }),
      jsm.lookUp(streams.log(shard), { last_by_subj: subjects.log(shard, conversation) }),
    ]);
    return { post: post === null ? undefined : postEnd(post), turn: turn === null ? undefined : turnEnd(turn) };
  };

  return {
    of(conversation: ConversationId): Promise<ConversationEnd> {
      let looking = asked.get(conversation);
      if (looking === undefined) {
        looking = look(conversation).finally(() => asked.delete(conversation));
        asked.set(conversation, looking);
      }
      return looking;
    },

    /** Undefined: there is none of the conversation, or this version cannot read it. */
    async at(conversation: ConversationId, seq: number): Promise<EndRecord | undefined> {
      const shard = events.shardOf(conversation);
      const found = await jsm.lookUp(streams.log(shard), { seq });
      if (found?.subject === subjects.post(shard, conversation)) {
        const post = PostRecord.safeParse(parseStored(found.data)).data?.post;
        return post && { turnId: post.turn_id, authorId: post.author.id, questions: 1, answers: 0 };
      }
      if (found?.subject !== subjects.log(shard, conversation)) return undefined;
      const record = readTurnRecord(parseStored(found.data));
      if (record === undefined) return undefined;
      const { turn_id, question, answer } = turnOfRecord(record, seq);
      const counts = { questions: question === undefined ? 0 : 1, answers: answer === undefined ? 0 : 1 } as const;
      return { turnId: turn_id, authorId: question?.author.id, ...counts };
    },
  };
}

function postEnd({ data, seq }: FoundMessage): ConversationEnd["post"] {
  const newest = PostRecord.safeParse(parseStored(data)).data;
  // The conversation was deleted.
  if (newest !== undefined && newest.post === undefined) return undefined;
  return { newest, n: newest?.post?.n ?? 0, seqs: newest === undefined ? [seq] : [seq, ...seqsBefore(newest)] };
}

function turnEnd({ data, seq }: FoundMessage): ConversationEnd["turn"] {
  const value = parseStored(data);
  const link = RecordLink.safeParse(value).data;
  return { newest: readTurnRecord(value)?.turn_id, seqs: [seq, ...(link === undefined ? [] : seqsBefore(link))] };
}

/** How many posts, and which record of a turn, were stored up to a sequence. */
export function turnsUpTo(
  { post, turn }: ConversationEnd,
  seq: number,
): { readonly post: number; readonly turn: number } {
  const later = post?.seqs.findIndex((one) => one <= seq) ?? -1;
  return {
    post: post === undefined || later === -1 ? 0 : Math.max(0, post.n - later),
    turn: turn?.seqs.find((one) => one <= seq) ?? 0,
  };
}

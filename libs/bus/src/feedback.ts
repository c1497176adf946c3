import {
  ChatError,
  FeedbackRecord,
  jsonBytes,
  limits,
  parseStored,
  streams,
  subjects,
  type ConversationId,
  type FeedbackEntry,
  type Rating,
  type TurnId,
} from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { Append, AppendResult } from "./appender.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface FeedbackDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly shards: number;
  readonly unreadable: Unreadable;
}

/** What a user says of an answer. */
export interface NewFeedback {
  readonly message_id: string;
  readonly turn_id: TurnId;
  readonly user_id: string;
  /** null: what was said is taken back. */
  readonly rating: Rating | null;
  /** As it is to be kept (`commentText`). */
  readonly comment?: string | undefined;
}

/** What an answer says of itself. */
export interface RatedAnswer {
  readonly agent?: string | undefined;
  readonly model?: string | undefined;
}

/** A place in the logs: behind the record of a shard with this sequence; 0: before the first. */
export interface FeedbackPlace {
  readonly shard: number;
  readonly seq: number;
}

export interface FeedbackQuery {
  readonly after: FeedbackPlace;
  /** Conversations on the page. */
  readonly limit: number;
}

export interface FeedbackPage {
  /** Of each conversation all that was said in it. */
  readonly records: readonly FeedbackRecord[];
  /** Where the next page begins. */
  readonly end: FeedbackPlace;
  /** There was nothing more when it was read. */
  readonly isLast: boolean;
}

/** Where no stream takes the subject, as before the first agent worker of this version, nothing can be stored that has to be buried. */
const isAbsentAfter = 3;

export type FeedbackLog = ReturnType<typeof createFeedbackLog>;

/**
 * What people say of answers: one record for each conversation, on a subject of its own in `LOG`. The last one counts and has all of it, so that one exact
 * look-up finds what there is, or that there is nothing; each is appended behind the one before it (compare-and-set).
 */
export function createFeedbackLog({ jsm, events, shards, unreadable }: FeedbackDeps) {
  const { shardOf } = events;
  const placeOf = (conversation: ConversationId) => {
    const shard = shardOf(conversation);
    return { stream: streams.log(shard), subject: subjects.feedback(shard, conversation) };
  };
  const read = (message: FoundMessage | null): LastOne<FeedbackRecord> | undefined => {
    if (message === null) return undefined;
    const value = FeedbackRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  const record = (stream: string) => ({
    append: events.append,
    last: async (subject: string): Promise<LastOne<FeedbackRecord> | undefined> =>
      read(await jsm.streams.getMessage(stream, { last_by_subj: subject })),
  });
  const dropEarlier = async ({ stream, subject }: ReturnType<typeof placeOf>): Promise<void> => {
    await jsm.streams.purge(stream, { filter: subject, keep: 1 });
  };

  return {
    /** All that was said in the conversation, by whomever. */
    async of(conversation: ConversationId): Promise<readonly FeedbackEntry[]> {
      const { stream, subject } = placeOf(conversation);
      return read(await jsm.lookUp(stream, { last_by_subj: subject }))?.value?.entries ?? [];
    },

    /**
     * Keeps what somebody says of an answer, in place of what they said of it before; says whether that changed anything. `find` is asked for the answer, after
     * the look at what is there: a deletion that comes between buries that, and then this is refused. Throws NOT_FOUND where there is no such answer,
     * CONFLICT where there is no room for more, and OVERLOADED when the broker has not answered for 15 s.
     */
    async give(
      conversation: ConversationId,
      said: NewFeedback,
      find: () => Promise<RatedAnswer | undefined>,
    ): Promise<boolean> {
      const place = placeOf(conversation);
      let isNew = false;
      const appended = await appendBehind<FeedbackRecord>(record(place.stream), place.subject, async (last, tried) => {
        if (tried !== undefined && isSame(last?.value, tried)) return void (isNew = true);
        const answer = await find();
        if (answer === undefined) throw noSuchAnswer();
        const entries = last?.value?.entries ?? [];
        const entry = entryAfter(entries, said, answer);
        if (entry === undefined) return undefined;
        const others = entries.filter((one) => !isOf(one, said));
        return checked(last?.value, {
          ...{ v: 1, kind: "feedback", conversation_id: conversation, n: numberAfter(last) },
          ...{ entries: [...others, entry], ts: entry.ts },
        });
      });
      // Else the log, which is kept, would be filled by whoever changes their mind again and again.
      if ((appended?.value.n ?? 1) > 1) await dropEarlier(place).catch(() => {});
      return isNew || appended !== undefined;
    },

    /**
     * Of all conversations, in the order in which something was last said in them; from the place on where the page before ended. So who asks again with
     * the last place gets what has changed since. Rejects when the broker does not answer.
     */
    async page({ after, limit }: FeedbackQuery): Promise<FeedbackPage> {
      const records: FeedbackRecord[] = [];
      let { shard, seq } = after;
      while (shard < shards && records.length < limit) {
        const query = { seq: seq + 1, next_by_subj: subjects.allFeedback(shard) };
        const message = await jsm.lookUp(streams.log(shard), query);
        if (message !== null) {
          seq = message.seq;
          const record = read(message)?.value;
          // Without entries: the conversation was deleted.
          if (record?.entries !== undefined) records.push(record);
        } else if (shard + 1 < shards) [shard, seq] = [shard + 1, 0];
        else break;
      }
      return { records, end: { shard, seq }, isLast: records.length < limit };
    },

    /** The conversation was deleted: what was said goes, and nothing that was on its way is stored behind this. To be called when all else is gone. */
    async bury(conversation: ConversationId): Promise<void> {
      const place = placeOf(conversation);
      const ts = Date.now();
      const { append, last } = record(place.stream);
      let absent = 0;
      const counted = async (message: Append): Promise<AppendResult> => {
        const result = await append(message);
        if (result.kind === "absent") absent++;
        return result;
      };
      const appended = await appendBehind<FeedbackRecord>({ append: counted, last }, place.subject, (found, tried) => {
        if (tried !== undefined && isSame(found?.value, tried)) return undefined;
        if (found === undefined && absent >= isAbsentAfter) return undefined;
        return { v: 1, kind: "feedback", conversation_id: conversation, n: numberAfter(found), ts };
      });
      if (appended !== undefined && appended.value.n > 1) await dropEarlier(place);
    },
  };
}

/** Behind one that cannot be read, its sequence is as good: it is higher than any number. */
function numberAfter(last: LastOne<FeedbackRecord> | undefined): number {
  return last === undefined ? 1 : (last.value?.n ?? last.seq) + 1;
}

function isSame(found: FeedbackRecord | undefined, own: FeedbackRecord): boolean {
  return found !== undefined && JSON.stringify(found) === JSON.stringify(own);
}

function isOf(entry: FeedbackEntry, { message_id, user_id }: NewFeedback): boolean {
  return entry.message_id === message_id && entry.user_id === user_id;
}

/** Undefined: it says the same as before. */
function entryAfter(
  entries: readonly FeedbackEntry[],
  said: NewFeedback,
  { agent, model }: RatedAnswer,
): FeedbackEntry | undefined {
  const { message_id, turn_id, user_id, rating } = said;
  const comment = rating === null ? undefined : said.comment;
  const before = entries.find((one) => isOf(one, said));
  if ((before?.rating ?? null) === rating && before?.comment === comment) return undefined;
  const changes = (before?.changes ?? 0) + 1;
  // What was said can always be taken back.
  if (changes > limits.feedbackChanges && rating !== null) throw new ChatError("CONFLICT", { message: tooOften });
  return {
    ...{ message_id, turn_id, user_id },
    ...(rating === null ? {} : { rating }),
    ...(comment === undefined ? {} : { comment }),
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...{ changes, ts: Date.now() },
  };
}

/** What is as large as it may be can still be made smaller. */
function checked(before: FeedbackRecord | undefined, after: FeedbackRecord): FeedbackRecord {
  const bytes = jsonBytes(after);
  if (bytes > limits.feedbackBytes && bytes > jsonBytes(before ?? {}))
    throw new ChatError("CONFLICT", { message: noRoom });
  return after;
}

const tooOften = `What is said of one answer can be changed ${limits.feedbackChanges} times; it can still be taken back.`;
const noRoom = "There is no room for more feedback in this conversation; what is there can be changed and taken back.";

export function noSuchAnswer(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such answer in this conversation, or it has not ended." });
}

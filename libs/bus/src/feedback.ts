import {
  ChatError,
  FeedbackRecord,
  jsonBytes,
  limits,
  parseStored,
  shardOfSubject,
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
export type RatedAnswer = Pick<FeedbackEntry, "agent" | "model">;

/** A place in the logs: of each shard the sequence up to which it was read; of those that are missing nothing was. */
export type FeedbackPlace = readonly number[];

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
/** Looked at for one page: of each deleted conversation a record without words is left. */
const mostLooks = 5_000;

export type FeedbackLog = ReturnType<typeof createFeedbackLog>;

/**
 * What people say of answers: one record for each conversation, on a subject of its own in `LOG`. The last one counts and has all of it, so that one exact
 * look-up finds what there is, or that there is nothing; each is appended behind the one before it (compare-and-set).
 */
export function createFeedbackLog(deps: FeedbackDeps) {
  const { jsm } = deps;
  const records = createRecords(deps);
  return {
    /** All that was said in the conversation, by whomever. */
    async of(conversation: ConversationId): Promise<readonly FeedbackEntry[]> {
      const { stream, subject } = records.placeOf(conversation);
      return records.read(await jsm.lookUp(stream, { last_by_subj: subject }))?.value?.entries ?? [];
    },

    /**
     * Keeps what somebody says of an answer, in place of what they said of it before; says whether that changed anything. `find` is asked for the answer, after
     * the look at what is there: a deletion that comes between buries that, and then this is refused. Throws NOT_FOUND where there is no such answer,
     * CONFLICT where there is no room for more, and OVERLOADED when the broker has not answered for 15 s.
     */
    give: createGiving(records),

    /**
     * Of all conversations, in the order in which something was last said in them (of each shard); from the place on where the page before ended. So who asks
     * again with the last place gets what has changed since. Rejects when the broker does not answer.
     */
    page: createPaging(deps, records),

    /** The conversation was deleted: what was said goes, and nothing that was on its way is stored behind this. To be called when all else is gone. */
    bury: createBurying(records),
  };
}

type Records = ReturnType<typeof createRecords>;

function createRecords({ jsm, events, unreadable }: FeedbackDeps) {
  const read = (message: FoundMessage | null): LastOne<FeedbackRecord> | undefined => {
    if (message === null) return undefined;
    const value = FeedbackRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  return {
    read,
    placeOf(conversation: ConversationId) {
      const shard = events.shardOf(conversation);
      return { stream: streams.log(shard), subject: subjects.feedback(shard, conversation) };
    },
    append: events.append,
    last: async (subject: string): Promise<LastOne<FeedbackRecord> | undefined> =>
      read(await jsm.streams.getMessage(streams.log(shardOfSubject(subject)), { last_by_subj: subject })),
    async dropEarlier({ stream, subject }: { readonly stream: string; readonly subject: string }): Promise<void> {
      await jsm.streams.purge(stream, { filter: subject, keep: 1 });
    },
  };
}

function createGiving(records: Records) {
  return async (
    conversation: ConversationId,
    said: NewFeedback,
    find: () => Promise<RatedAnswer | undefined>,
  ): Promise<boolean> => {
    const place = records.placeOf(conversation);
    /** What is stored; undefined: it said the same before. */
    let kept: FeedbackRecord | undefined;
    const appended = await appendBehind<FeedbackRecord>(records, place.subject, async (last, tried) => {
      if (tried !== undefined && isSame(last?.value, tried)) return void (kept = tried);
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
    kept = appended?.value ?? kept;
    // Else the log, which is kept, would be filled by whoever changes their mind again and again.
    if (kept !== undefined && kept.n > 1) await records.dropEarlier(place).catch(() => {});
    return kept !== undefined;
  };
}

function createPaging({ jsm, shards }: FeedbackDeps, { read }: Records) {
  return async ({ after, limit }: FeedbackQuery): Promise<FeedbackPage> => {
    const records: FeedbackRecord[] = [];
    const end = Array.from({ length: shards }, (_, shard) => after[shard] ?? 0);
    let looks = 0;
    for (let shard = 0; shard < shards;) {
      if (records.length === limit || looks++ === mostLooks) return { records, end, isLast: false };
      const query = { seq: (end[shard] ?? 0) + 1, next_by_subj: subjects.allFeedback(shard) };
      const message = await jsm.lookUp(streams.log(shard), query);
      if (message === null) {
        shard++;
        continue;
      }
      end[shard] = message.seq;
      const record = read(message)?.value;
      // Without entries: the conversation was deleted.
      if (record?.entries !== undefined) records.push(record);
    }
    return { records, end, isLast: true };
  };
}

function createBurying(records: Records) {
  return async (conversation: ConversationId): Promise<void> => {
    const place = records.placeOf(conversation);
    const ts = Date.now();
    let absent = 0;
    const append = async (message: Append): Promise<AppendResult> => {
      const result = await records.append(message);
      if (result.kind === "absent") absent++;
      return result;
    };
    let isNothing = false;
    await appendBehind<FeedbackRecord>({ append, last: records.last, isPlain: true }, place.subject, (last, tried) => {
      if (tried !== undefined && isSame(last?.value, tried)) return undefined;
      isNothing = last === undefined;
      if (isNothing && absent >= isAbsentAfter) return undefined;
      return { v: 1, kind: "feedback", conversation_id: conversation, n: numberAfter(last), ts };
    });
    if (!isNothing) await records.dropEarlier(place);
  };
}

/** Behind one that cannot be read, its sequence is as good: it is higher than any number. */
function numberAfter(last: LastOne<FeedbackRecord> | undefined): number {
  return last === undefined ? 1 : (last.value?.n ?? last.seq) + 1;
}

function isSame(found: FeedbackRecord | undefined, own: FeedbackRecord): boolean {
  return found !== undefined && JSON.stringify(found) === JSON.stringify(own);
}

function isOf(entry: FeedbackEntry, { message_id, user_id }: Pick<NewFeedback, "message_id" | "user_id">): boolean {
  return entry.message_id === message_id && entry.user_id === user_id;
}

/** Undefined: it says the same as before. */
function entryAfter(
  entries: readonly FeedbackEntry[],
  { message_id, turn_id, user_id, rating, comment }: NewFeedback,
  answer: RatedAnswer,
): FeedbackEntry | undefined {
  const place = { message_id, turn_id, user_id };
  const before = entries.find((one) => isOf(one, place));
  const said: Pick<FeedbackEntry, "rating" | "comment"> =
    rating === null ? {} : { rating, ...(comment === undefined ? {} : { comment }) };
  if (before?.rating === said.rating && before?.comment === said.comment) return undefined;
  const changes = (before?.changes ?? 0) + 1;
  // What was said can always be taken back.
  if (changes > limits.feedbackChanges && rating !== null) throw new ChatError("CONFLICT", { message: tooOften });
  return { ...place, ...said, ...answer, changes, ts: Date.now() };
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

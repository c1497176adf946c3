import {
  ChangesRecord,
  ChatError,
  changeEventOf,
  changedTurns,
  envelopeBytes,
  jsonBytes,
  limits,
  messageIdsOf,
  parseStored,
  shardOfSubject,
  streams,
  subjects,
  turnOfMessage,
  type ChangeEvent,
  type Changes,
  type ConversationId,
  type MessageChanges,
  type StoredTurn,
  type ToldChange,
} from "@parley/protocol";
import { createGate, type Logger } from "@parley/runtime";
import { isDeepStrictEqual } from "node:util";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { EventLog } from "./event-log.ts";
import type { FoundMessage } from "./direct-get.ts";
import { createChangeOrder, createToldChanges } from "./message-change-order.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface MessageChangesDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly unreadable: Unreadable;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  /** Makes it known that messages of the conversation were changed, before the first one is. Others need not look. */
  readonly note: (conversation: ConversationId) => Promise<unknown>;
  /** A text is not what it was: what was summarised of the conversation counts no more. */
  readonly dropSummary: (conversation: ConversationId) => Promise<unknown>;
  readonly log: Logger;
}

/** What somebody makes of a message. */
export interface NextChange {
  readonly stands: Omit<MessageChanges, "message_id" | "n">;
  readonly told: ToldChange;
  /** The text until now, where it is to be kept for the owner. */
  readonly earlier?: EarlierText | undefined;
}

export type EarlierText = NonNullable<ChangesRecord["earlier"]>[number];

/** Undefined: it is as wanted already. */
export type ChangeMessage = (now: MessageChanges | undefined) => NextChange | undefined;

/** Look-ups at a time, by all readers of this process. */
const lookUpsAtOnce = 64;
/** Whoever has stored a change has told it by then; clocks may differ by less. */
const tellingMs = 2_000;

export type MessageChangeLog = ReturnType<typeof createMessageChanges>;

/**
 * What became of messages after they were written: a record for each changed message on a subject of its own in `LOG`, of which the last one counts and has all of it; then
 * the event, for who looks on. Both are appended behind the one before (compare-and-set), so events come in the order of the records; some may be missing, as each says all.
 */
export function createMessageChanges(deps: MessageChangesDeps) {
  const records = createRecords(deps);
  const { jsm } = deps;
  const gate = createGate(lookUpsAtOnce);
  const told = createToldChanges();

  /** A change whose event was never written, because its process died in between, is told now to all who look on. */
  const tellAgain = (conversation: ConversationId, subject: string, record: ChangesRecord): void => {
    if (!told.isFirst(subject, record.changes?.n ?? 0)) return;
    records.tell(record).catch((err: unknown) => {
      told.forget(subject);
      deps.log.debug({ err, conversation }, "a change could not be told again");
    });
  };

  const shown = async (
    conversation: ConversationId,
    messageId: string,
    tells: boolean,
  ): Promise<MessageChanges | undefined> => {
    const { stream, subject } = records.placeOf(conversation, messageId);
    const message = await jsm.lookUp(stream, { last_by_subj: subject });
    const record = records.read(message)?.value;
    const ageMs = Date.now() - (message?.time.getTime() ?? 0);
    const isDoubted = tells && ageMs > tellingMs && ageMs < deps.eventWindowMs;
    if (isDoubted && record !== undefined) tellAgain(conversation, subject, record);
    return record?.changes;
  };

  const of = async (conversation: ConversationId, messageIds: readonly string[], tells = true): Promise<Changes> => {
    const own = [...new Set(messageIds)].filter((id) => turnOfMessage(id) !== undefined);
    const found = await Promise.all(own.map((id) => gate(() => shown(conversation, id, tells))));
    return new Map(found.flatMap((one) => (one === undefined ? [] : [[one.message_id, one] as const])));
  };

  return {
    /** What became of these messages: one exact look-up for each, side by side. Of those that never changed nothing. */
    of: (conversation: ConversationId, messageIds: readonly string[]): Promise<Changes> => of(conversation, messageIds),

    /** The same for who shows them to no viewer, and may tell nobody: agent workers have no right to. */
    read: (conversation: ConversationId, messageIds: readonly string[]): Promise<Changes> =>
      of(conversation, messageIds, false),

    /** Turns as they stand now. */
    over: async (conversation: ConversationId, turns: readonly StoredTurn[]): Promise<readonly StoredTurn[]> =>
      changedTurns(turns, await of(conversation, messageIdsOf(turns))),

    change: createChanging(deps, records),

    /** Earlier texts of a message, oldest first, as far as they were kept. */
    async earlier(conversation: ConversationId, messageId: string): Promise<readonly EarlierText[]> {
      return (await records.last(records.placeOf(conversation, messageId).subject))?.value?.earlier ?? [];
    },

    /** The conversation was deleted: what changed up to `lastSeq` of the log goes (default: all). Can be repeated. To be called when all else is gone. */
    async bury(conversation: ConversationId, lastSeq?: number): Promise<void> {
      await records.purgeAll(conversation, lastSeq);
    },
  };
}

type Records = ReturnType<typeof createRecords>;

function createChanging({ note, events }: MessageChangesDeps, records: Records) {
  const inOrder = createChangeOrder();
  const maxBytes = (): number => Math.min(limits.changeBytes, events.maxBytes() - envelopeBytes);
  /**
   * Stores what `next` makes of how the message stands, and tells its viewers; gives how it stands then. `find` has to throw where there is no such message; it is asked after the
   * look at what is there, and once more behind the first record: a deletion of the conversation removes records, and cannot refuse one that was on its way as the first. Throws what
   * the two throw, MESSAGE_TOO_LARGE where the whole does not fit into an event, and OVERLOADED when the broker has not answered for 15 s.
   */
  return (
    conversation: ConversationId,
    messageId: string,
    find: () => Promise<unknown>,
    next: ChangeMessage,
  ): Promise<MessageChanges | undefined> => {
    const { subject } = records.placeOf(conversation, messageId);
    return inOrder(subject, async () => {
      let standing: ChangesRecord | undefined;
      let isFirst = false;
      const appended = await appendBehind<ChangesRecord>(records, subject, async (found, tried) => {
        standing = found?.value;
        isFirst = found === undefined;
        if (tried !== undefined && isDeepStrictEqual(standing, tried)) return undefined;
        const change = next(standing?.changes);
        if (change === undefined) return undefined;
        await find();
        if (isFirst) await note(conversation);
        const record = recordOf({ conversation, messageId }, found, change);
        checkSize(record, maxBytes());
        return record;
      });
      const record = appended?.value ?? standing;
      if (record === undefined) return undefined;
      if (appended !== undefined && isFirst) await find().catch((error: unknown) => records.drop(subject, error));
      // Also what was there: whoever stored it may have died before it told.
      await records.tell(record);
      // What was said before goes, and nobody fills the log, which is kept, by changing one message again and again.
      if (appended !== undefined && !isFirst) await records.dropEarlier(subject).catch(() => {});
      return record.changes;
    });
  };
}

function recordOf(
  { conversation, messageId }: { readonly conversation: ConversationId; readonly messageId: string },
  last: LastOne<ChangesRecord> | undefined,
  { stands, told, earlier }: NextChange,
): ChangesRecord {
  // Behind one that cannot be read, its sequence is as good: it is higher than any number.
  const n = last === undefined ? 1 : (last.value?.changes?.n ?? last.seq) + 1;
  const kept = told.type === "message_deleted" ? [] : [...(last?.value?.earlier ?? []), ...(earlier ? [earlier] : [])];
  const texts = newestTexts(kept);
  return {
    ...{ v: 1, kind: "changes", conversation_id: conversation },
    changes: { message_id: messageId, n, ...stands },
    ...(texts.length === 0 ? {} : { earlier: texts }),
    ...{ told, ts: Date.now() },
  };
}

function newestTexts(texts: readonly EarlierText[]): EarlierText[] {
  const newest = texts.slice(-limits.earlierTexts);
  while (newest.length > 0 && jsonBytes(newest) > limits.earlierTextsBytes) newest.shift();
  return newest;
}

/** An event says the text twice: for those who only know its kind, and within all that counts. */
function checkSize(record: ChangesRecord, maxBytes: number): void {
  if (jsonBytes(changeEventOf(record) ?? {}) <= maxBytes) return;
  if (record.told?.type === "message_edited")
    throw new ChatError("MESSAGE_TOO_LARGE", { message: "The text is too large to take the place of another one." });
  throw new ChatError("CONFLICT", { message: "There is no room for more reactions to this message." });
}

function createRecords({ jsm, events, unreadable, dropSummary }: MessageChangesDeps) {
  const read = (message: FoundMessage | null): LastOne<ChangesRecord> | undefined => {
    if (message === null) return undefined;
    const value = ChangesRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  const purge = async (subject: string, keep: number): Promise<void> => {
    const stream = streams.log(shardOfSubject(subject));
    await jsm.streams.purge(stream, keep === 0 ? { filter: subject } : { filter: subject, keep });
  };
  return {
    read,
    append: events.append,
    placeOf(conversation: ConversationId, messageId: string) {
      const shard = events.shardOf(conversation);
      return { stream: streams.log(shard), subject: subjects.change(shard, conversation, messageId) };
    },
    last: async (subject: string): Promise<LastOne<ChangesRecord> | undefined> =>
      read(await jsm.streams.getMessage(streams.log(shardOfSubject(subject)), { last_by_subj: subject })),
    async purgeAll(conversation: ConversationId, lastSeq: number | undefined): Promise<void> {
      const shard = events.shardOf(conversation);
      const upTo = lastSeq === undefined ? {} : { seq: lastSeq + 1 };
      await jsm.streams.purge(streams.log(shard), { filter: subjects.changesOf(shard, conversation), ...upTo });
    },
    dropEarlier: (subject: string): Promise<void> => purge(subject, 1),
    /** It is of no message. */
    async drop(subject: string, why: unknown): Promise<never> {
      // Else nobody knows: whoever asks again finds it, and looks.
      if (why instanceof ChatError && why.code === "NOT_FOUND") await purge(subject, 0);
      throw why;
    },
    tell: (record: ChangesRecord): Promise<void> => tell({ events, dropSummary }, record),
  };
}

/**
 * Once, and never behind a later one: whoever wrote that has told more. Before viewers are told of another text the summary goes that may have the old one: so whoever tells what somebody
 * else has stored, and died, does that as well.
 */
async function tell(
  { events, dropSummary }: Pick<MessageChangesDeps, "events" | "dropSummary">,
  record: ChangesRecord,
): Promise<void> {
  const event = changeEventOf(record);
  if (event === undefined) return;
  const { conversation_id, message_id, stands } = event;
  const last = async (subject: string): Promise<LastOne<ChangeEvent> | undefined> => {
    const found = await events.lastFromLeader(subject);
    return found && { seq: found.seq, value: "stands" in found.event ? found.event : undefined };
  };
  const subject = subjects.changeEvent(events.shardOf(conversation_id), conversation_id, message_id);
  await appendBehind<ChangeEvent>({ append: events.append, last }, subject, async (found) => {
    const told = found?.value?.stands;
    if ((told?.n ?? 0) >= stands.n) return undefined;
    if (told?.message !== stands.message || told?.deleted_at !== stands.deleted_at) await dropSummary(conversation_id);
    return event;
  });
}

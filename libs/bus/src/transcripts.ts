import {
  ChatError,
  encodeJson,
  limits,
  linkTo,
  messageRecordsOf,
  subjects,
  turnOfRecord,
  turnsOf,
  wasAcceptedBefore,
  type AnyTurnRecord,
  type ConversationId,
  type NewTurnRecord,
  type StoredTurn,
  type TurnId,
} from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { EventTooLargeError, wrongLastSequence } from "./appender.ts";
import { createBranchReading } from "./branch-reading.ts";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { StoredRecord } from "./record-cache.ts";
import { createRecordLookups, type RecordLookups } from "./record-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface TranscriptPage {
  /** In the order in which they were accepted. */
  readonly turns: StoredTurn[];
  /** Give it as `before` to read what is older; 0: nothing is. */
  readonly before: number;
  /** What there is of the conversation was deleted with its key, and is not removed yet. */
  readonly isErased?: true;
}

export type Transcripts = ReturnType<typeof createTranscripts>;

const writeDeadlineMs = 15_000;
/** Records of one turn stand together, but for turns that were cancelled while they waited: that many messages may be in between on a page. */
const pageLookBack = 16;
/** As far is looked back for a turn in any case; and further while there are records that were stored since it was accepted. */
const leastLookBack = 16;
const mostLookBack = 10_000;
/** The next leader of a stream may have another clock. */
const clockSkewMs = 60_000;
/** Records in a row that only a newer version can read. */
const maxPassedOver = 1_000;

interface LookBackFrom {
  readonly from: StoredRecord | undefined;
  readonly acceptedMs: number;
}

/** Finds what is recorded of a turn, from a record backwards to those that were stored before the turn was accepted. */
function createLookBack(walk: RecordLookups["walk"]) {
  return async (
    conversation: ConversationId,
    turnId: TurnId,
    { from, acceptedMs }: LookBackFrom,
  ): Promise<StoredTurn | undefined> => {
    const records = walk(conversation);
    const found: StoredTurn[] = [];
    let stored = from;
    // Of a record without a time it is known that it was stored before the one behind it.
    let storedMs = Infinity;
    for (let i = 0; i < mostLookBack && stored !== undefined; i++) {
      storedMs = Math.min(storedMs, stored.storedMs);
      if (i >= leastLookBack && storedMs < acceptedMs - clockSkewMs) break;
      if (stored.turn?.turn_id === turnId) {
        found.unshift(stored.turn);
        const [turn] = turnsOf(found);
        if (turn?.question !== undefined && turn.answer !== undefined) return turn;
      }
      stored = await records.before(stored, i < leastLookBack ? leastLookBack - i : limits.recordsBack);
    }
    return turnsOf(found)[0];
  };
}

function messagesIn({ question, answer }: StoredTurn): number {
  return (question === undefined ? 0 : 1) + (answer === undefined ? 0 : 1);
}

/** Collects what records say, newest first. */
function createPage(limit: number) {
  const recorded: StoredTurn[] = [];
  const onPage = new Set<TurnId>();
  /** Turns whose answer is on the page, and whose question is not yet. */
  const halves = new Set<TurnId>();
  let messages = 0;
  let bytes = 0;
  let looked = 0;

  /** What belongs to a turn on the page, or behind one: a later one that ended while it ran. */
  const belongs = (turn: StoredTurn | undefined): boolean =>
    halves.size > 0 ||
    (turn !== undefined && (onPage.has(turn.turn_id) || recorded.some((other) => wasAcceptedBefore(other, turn))));

  return {
    turns: (): StoredTurn[] => turnsOf(recorded.toReversed()),
    /** Records that are needed at least, if they are like the last one; and of the one before them it is asked whether it belongs to them. */
    wanted(): number {
      const last = recorded.at(-1);
      const byMessages = Math.max(0, limit - messages) / (last === undefined ? 1 : messagesIn(last));
      const byBytes = Math.max(0, limits.transcriptPageBytes - bytes) / Math.max(1, bytes / Math.max(1, looked));
      return 1 + Math.ceil(Math.min(byMessages, byBytes));
    },
    /** Records that cannot be shown do not count, but they are not passed over without end. */
    takes({ turn }: StoredRecord): boolean {
      if (looked >= limit + maxPassedOver) return false;
      if (messages < limit && bytes < limits.transcriptPageBytes) return true;
      return messages < limit + pageLookBack && belongs(turn);
    },
    add({ turn, bytes: size }: StoredRecord): void {
      looked++;
      bytes += size;
      if (turn === undefined) return;
      recorded.push(turn);
      onPage.add(turn.turn_id);
      messages += messagesIn(turn);
      if (turn.question !== undefined) halves.delete(turn.turn_id);
      else halves.add(turn.turn_id);
    },
  };
}

/** What of a turn is not recorded yet: all of it, or the messages that another version's worker had no time to store. */
function missingOf(record: NewTurnRecord, stored: StoredTurn | undefined): NewTurnRecord[] {
  if (stored === undefined) return [record];
  const { question, answer } = turnOfRecord(record, 0);
  return messageRecordsOf(record, {
    question: stored.question === undefined ? question : undefined,
    answer: stored.answer === undefined ? answer : undefined,
  });
}

function createAppending(
  events: EventLog,
  { last, at, ends, knownSeqs, wrote }: RecordLookups,
  lookBack: ReturnType<typeof createLookBack>,
) {
  /** Whoever wrote meanwhile makes the append fail, and then the broker is asked. */
  const newestOf = async (conversation: ConversationId): Promise<StoredRecord | undefined> => {
    const known = ends.take(conversation);
    return known === undefined ? last(conversation) : at(conversation, known);
  };

  /** Undefined: somebody else was quicker, or the broker did not answer. */
  const appendBehind = async (
    newest: StoredRecord | undefined,
    record: NewTurnRecord,
  ): Promise<StoredRecord | undefined> => {
    const subject = subjects.log(events.shardOf(record.conversation_id), record.conversation_id);
    const linked = linkedRecord(record, newest, knownSeqs);
    const data = encodeJson(linked);
    const result = await events.append({ subject, data, expect: linked.prev });
    if (result.kind === "too large") throw new EventTooLargeError(result);
    if (result.kind === "refused" && !wrongLastSequence.has(result.code)) throw new Error(result.description);
    if (result.kind === "no room") throw new Error(result.description);
    return result.kind === "stored" ? wrote(result.seq, linked, data.length) : undefined;
  };

  /** One try, from the first record that is not stored yet. */
  const tryAppend = async (acceptedMs: number, records: readonly [NewTurnRecord, ...NewTurnRecord[]]) => {
    const [{ conversation_id, turn_id }] = records;
    let newest = await newestOf(conversation_id);
    // Once for all of them: what is appended then stands right behind this, or is refused.
    const stored = await lookBack(conversation_id, turn_id, { from: newest, acceptedMs });
    for (const record of records) {
      for (const missing of missingOf(record, stored)) {
        newest = await appendBehind(newest, missing);
        if (newest === undefined) return false;
      }
    }
    return true;
  };

  return async (acceptedMs: number, ...records: [NewTurnRecord, ...NewTurnRecord[]]): Promise<void> => {
    const backoff = createBackoff({ minMs: 10, maxMs: 1_000 });
    const deadline = performance.now() + writeDeadlineMs;
    let cause: unknown;
    while (performance.now() < deadline) {
      try {
        if (await tryAppend(acceptedMs, records)) return;
      } catch (error) {
        if (error instanceof EventTooLargeError) throw error;
        cause = error;
      }
      await sleep(backoff.nextMs());
    }
    throw new ChatError("OVERLOADED", { cause });
  };
}

/** Where a turn is two records its question names the one before it alone: the answer behind it, from where it is read, names them all. */
function linkedRecord(
  record: NewTurnRecord,
  newest: StoredRecord | undefined,
  knownSeqs: RecordLookups["knownSeqs"],
): AnyTurnRecord {
  const prev = newest?.seq ?? 0;
  if (!("kind" in record) && record.author.role !== "assistant") return { ...record, prev };
  return { ...record, ...linkTo(newest === undefined ? [] : knownSeqs(newest)) };
}

/** `LOG`: each conversation is a chain of records, each naming the one before it, so reading the tail never scans the stream. */
export function createTranscripts(jsm: PatientLookups, events: EventLog, unreadable: Unreadable) {
  const lookups = createRecordLookups(jsm, events, unreadable);
  const { at, last, walk } = lookups;
  const lookBack = createLookBack(walk);
  const appendOf = createAppending(events, lookups, lookBack);

  const tail = async (
    conversation: ConversationId,
    { limit, before = 0 }: { limit: number; before?: number },
  ): Promise<TranscriptPage> => {
    const page = createPage(limit);
    const records = walk(conversation);
    let stored = before === 0 ? await last(conversation) : await at(conversation, before);
    if (stored?.isErased === true && before === 0) return { turns: [], before: 0, isErased: true };
    while (stored !== undefined && page.takes(stored)) {
      page.add(stored);
      stored = await records.before(stored, page.wanted());
    }
    return { turns: page.turns(), before: stored?.seq ?? 0 };
  };

  return {
    /**
     * Appends records of a turn that was accepted then, by the broker's clock, in order, but for those whose messages are already there. Exactly
     * once per message, whoever else tries, in whichever version. Throws OVERLOADED after 15 s, and EventTooLargeError at once.
     */
    appendOf,

    /** The same for records that nobody can have appended long ago. */
    append: (...records: [NewTurnRecord, ...NewTurnRecord[]]): Promise<void> => appendOf(Infinity, ...records),

    /** What the newest record says of its turn, if this version can read it. */
    newest: async (conversation: ConversationId): Promise<StoredTurn | undefined> => (await last(conversation))?.turn,

    /** What is recorded of a turn that was accepted then, by the broker's clock. */
    find: async (conversation: ConversationId, turnId: TurnId, acceptedMs: number): Promise<StoredTurn | undefined> =>
      lookBack(conversation, turnId, { from: await last(conversation), acceptedMs }),

    /**
     * The newest `limit` messages before the cursor (default: the end), and as many more as it takes for the page to begin with a whole turn; fewer
     * where they are large (`transcriptPageBytes`). Where the records name those before them, it takes two round trips and one more for each 48 turns, or 24 where a turn is two records.
     */
    tail,

    ...createBranchReading(lookups, tail),
  };
}

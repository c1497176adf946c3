import {
  SummaryRecord,
  parseStored,
  shardOfSubject,
  streams,
  subjects,
  type ConversationId,
  type SummarisedUntil,
  type Summary,
} from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { EventLog } from "./event-log.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface SummaryDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly unreadable: Unreadable;
}

/** How the summaries of a conversation stood when somebody looked. */
export interface SummaryPlace {
  /** Of the last record; 0: there is none. */
  readonly seq: number;
  readonly summary: Summary | undefined;
  /** Some worker asks a model for the next one since then, ms since 1970. */
  readonly askedAt: number | undefined;
}

export interface NewSummary extends Summary {
  readonly model: string;
}

export type Summaries = ReturnType<typeof createSummaries>;

/**
 * What the beginnings of long conversations came to: a record on a subject of its own in `LOG`, of which the last one counts. A worker that is about to ask a
 * model says so first (compare-and-set), so that no other one asks for the same turns; and what it got counts only behind its own word.
 */
export function createSummaries(deps: SummaryDeps) {
  const { jsm, events } = deps;
  const records = createRecords(deps);
  const put = createPut(records);
  const subjectOf = (conversation: ConversationId): string =>
    subjects.summary(events.shardOf(conversation), conversation);

  return {
    /** The one that counts; undefined: there is none. One exact look-up. */
    async of(conversation: ConversationId): Promise<Summary | undefined> {
      const query = { last_by_subj: subjectOf(conversation) };
      return summaryIn(records.read(await jsm.lookUp(streams.log(events.shardOf(conversation)), query))?.value);
    },

    /** The same, with its place, by the word of the stream's leader. */
    async placeOf(conversation: ConversationId): Promise<SummaryPlace> {
      const last = await records.last(subjectOf(conversation));
      return { seq: last?.seq ?? 0, summary: summaryIn(last?.value), askedAt: last?.value?.asking?.ts };
    },

    /**
     * Says that this process asks a model for a summary up to there. Returns where the summary is to stand; undefined: something came since the place was seen,
     * or the conversation was deleted.
     */
    async ask(
      conversation: ConversationId,
      { seq, summary }: SummaryPlace,
      until: SummarisedUntil,
    ): Promise<number | undefined> {
      const ts = Date.now();
      const asked = await put(subjectOf(conversation), seq, (n) => ({
        ...{ v: 1, kind: "summary", conversation_id: conversation, n, ts },
        ...summary,
        asking: { until, ts },
      }));
      // A deletion looks for summaries when the transcript is gone: either it finds this one, or there is no transcript now.
      return asked === undefined || !(await isThere(deps, conversation)) ? undefined : asked;
    },

    /** Stores a summary where it was asked for. False: somebody else asked meanwhile, or the conversation was deleted. */
    async give(conversation: ConversationId, asked: number, { until, text, model }: NewSummary): Promise<boolean> {
      const record = { v: 1, kind: "summary", conversation_id: conversation, until, text, model } as const;
      const ts = Date.now();
      return (await put(subjectOf(conversation), asked, (n) => ({ ...record, n, ts }))) !== undefined;
    },

    /**
     * What was summarised is not so any more: there is no summary from now on, and none that is on its way is stored behind this. Also where there was none: somebody may be about to
     * ask for the first.
     */
    async drop(conversation: ConversationId): Promise<void> {
      await dropSummary(deps, records, conversation);
    },

    /** The conversation was deleted: its summaries go, and none that was on its way is stored behind this. To be called when all else is gone. */
    async bury(conversation: ConversationId): Promise<void> {
      if ((await records.last(subjectOf(conversation))) === undefined) return;
      await dropSummary(deps, records, conversation);
    },
  };
}

async function dropSummary(
  { jsm, events }: SummaryDeps,
  records: ReturnType<typeof createRecords>,
  conversation: ConversationId,
): Promise<void> {
  const shard = events.shardOf(conversation);
  const subject = subjects.summary(shard, conversation);
  const ts = Date.now();
  await appendBehind<SummaryRecord>({ ...records, isPlain: true }, subject, (last, tried) => {
    if (tried !== undefined && isSame(last?.value, tried)) return undefined;
    return { v: 1, kind: "summary", conversation_id: conversation, n: numberAfter(last), ts };
  });
  await jsm.streams.purge(streams.log(shard), { filter: subject, keep: 1 });
}

function createRecords({ jsm, events, unreadable }: SummaryDeps) {
  const read = (message: FoundMessage | null): LastOne<SummaryRecord> | undefined => {
    if (message === null) return undefined;
    const value = SummaryRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  return {
    read,
    append: events.append,
    last: async (subject: string): Promise<LastOne<SummaryRecord> | undefined> =>
      read(await jsm.streams.getMessage(streams.log(shardOfSubject(subject)), { last_by_subj: subject })),
  };
}

/** Appends behind a place, and nowhere else. Returns the record's own; undefined: something else stands there. */
function createPut(records: ReturnType<typeof createRecords>) {
  return async (subject: string, behind: number, make: (n: number) => SummaryRecord): Promise<number | undefined> => {
    let stored: number | undefined;
    const appended = await appendBehind<SummaryRecord>(records, subject, (last, tried) => {
      // Stored without an answer: as good as having been told.
      if (tried !== undefined && isSame(last?.value, tried)) return void (stored = last?.seq);
      return (last?.seq ?? 0) === behind ? make(numberAfter(last)) : undefined;
    });
    return appended?.seq ?? stored;
  };
}

/** By the word of the leader. */
async function isThere({ jsm, events }: SummaryDeps, conversation: ConversationId): Promise<boolean> {
  const shard = events.shardOf(conversation);
  const query = { last_by_subj: subjects.log(shard, conversation) };
  return (await jsm.streams.getMessage(streams.log(shard), query)) !== null;
}

function summaryIn(record: SummaryRecord | undefined): Summary | undefined {
  const { until, text } = record ?? {};
  return until === undefined || text === undefined ? undefined : { until, text };
}

/** Behind one that cannot be read, its sequence is as good: it is higher than any number. */
function numberAfter(last: LastOne<SummaryRecord> | undefined): number {
  return last === undefined ? 1 : (last.value?.n ?? last.seq) + 1;
}

function isSame(found: SummaryRecord | undefined, own: SummaryRecord): boolean {
  // Fields stand in the order of the schema in what was read.
  return found !== undefined && JSON.stringify(found) === JSON.stringify(SummaryRecord.parse(own));
}

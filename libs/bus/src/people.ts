import { isDeepStrictEqual } from "node:util";
import {
  ChatError,
  PeopleRecord,
  encodeJson,
  parseStored,
  shardOfSubject,
  streams,
  subjects,
  type ConversationId,
  type MemberEvent,
  type People,
  type PinEvent,
} from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { BrokerClock } from "./broker-clock.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { EventLog } from "./event-log.ts";
import type { Owners } from "./owners.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { createPeopleFollower } from "./people-following.ts";
import type { Unreadable } from "./unreadable.ts";

export interface PeopleDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly owners: Pick<Owners, "ownerOf">;
  readonly clock: BrokerClock;
  readonly shards: number;
  readonly unreadable: Unreadable;
  /** How long events are kept. */
  readonly eventWindowMs: number;
}

type Common = "n" | "conversation_id" | "ts";

/** What is told of a change; the rest of the event is the record's. */
export type ToldOfPeople = Omit<MemberEvent, Common> | Omit<PinEvent, Common>;

export interface PeopleChange {
  readonly people: People;
  /** Absent: nobody is told. */
  readonly told?: ToldOfPeople;
}

export type PeopleFlag = keyof People["has"];

export type PeopleLog = ReturnType<typeof createPeople>;
export type PeopleFollower = ReturnType<PeopleLog["follow"]>;

/**
 * The people of conversations: one record for each, on a subject of its own in `LOG`, of which the last one counts; then the event, for who looks on. Both are appended
 * behind the one before (compare-and-set). For edges: others may only read it.
 */
export function createPeople(deps: PeopleDeps) {
  const { jsm, events } = deps;
  const records = createRecords(deps);
  const tell = createTelling(deps);
  const change = createChange(deps, records, tell);

  return {
    /**
     * The record that counts; undefined: there is none, so whoever began the conversation owns it, alone. Its `people` undefined: it was deleted. Throws PROCESSING_ERROR where
     * it cannot be read: nobody can say then who may do what.
     */
    async of(conversation: ConversationId): Promise<PeopleRecord | undefined> {
      const shard = events.shardOf(conversation);
      const query = { last_by_subj: subjects.people(shard, conversation) };
      const found = records.read(await jsm.lookUp(streams.log(shard), query));
      if (found !== undefined && found.value === undefined) throw new ChatError("PROCESSING_ERROR");
      return found?.value;
    },

    change,

    /** Says that there are such things in the conversation, once. No viewer is told. Throws NOT_FOUND where it is nobody's. */
    async note(conversation: ConversationId, flag: PeopleFlag): Promise<void> {
      await change(conversation, (people) =>
        people.has[flag] === true ? undefined : { people: { ...people, has: { ...people.has, [flag]: true } } },
      );
    },

    /** The conversation was deleted: nobody has a part in it, and what was on its way is not stored behind this. */
    async bury(conversation: ConversationId): Promise<void> {
      const subject = subjects.people(events.shardOf(conversation), conversation);
      let isThere = false;
      const plainly = { append: events.append, last: records.last, isPlain: true };
      await appendBehind<PeopleRecord>(plainly, subject, (last) => {
        isThere = last !== undefined;
        if (last === undefined || (last.value !== undefined && last.value.people === undefined)) return undefined;
        const common = { v: 1, kind: "people", conversation_id: conversation } as const;
        return { ...common, n: numberAfter(last), ts: Date.now() };
      });
      if (isThere) await records.dropEarlier(conversation);
    },

    dropEarlier: records.dropEarlier,

    follow: () => createPeopleFollower(deps, { read: records.read, tell }),

    /** By the broker's clock, ms since 1970. */
    nowMs: () => deps.clock.nowMs(),
  };
}

type Records = ReturnType<typeof createRecords>;

function createRecords({ jsm, events, unreadable }: PeopleDeps) {
  const read = (message: FoundMessage | null): LastOne<PeopleRecord> | undefined => {
    if (message === null) return undefined;
    const value = PeopleRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  return {
    read,
    last: async (subject: string): Promise<LastOne<PeopleRecord> | undefined> =>
      read(await jsm.streams.getMessage(streams.log(shardOfSubject(subject)), { last_by_subj: subject })),

    /** Lets go of the records that count no more. */
    async dropEarlier(conversation: ConversationId): Promise<void> {
      const shard = events.shardOf(conversation);
      await jsm.streams.purge(streams.log(shard), { filter: subjects.people(shard, conversation), keep: 1 });
    },
  };
}

function createChange({ jsm, events, owners }: PeopleDeps, { last, dropEarlier }: Records, tell: Tell) {
  /** From which a change begins. */
  const peopleOf = async (conversation: ConversationId, record: PeopleRecord | undefined): Promise<People> => {
    if (record?.people !== undefined) return record.people;
    const owner = await owners.ownerOf(conversation);
    // A change that was on its way when the conversation was deleted begins nothing anew.
    if (owner === undefined || (record !== undefined && !(await exists({ jsm, events }, conversation))))
      throw notFound();
    const { userId: id, tenant } = owner;
    return {
      owner: { id },
      ...(tenant === undefined ? {} : { tenant }),
      members: [],
      invites: [],
      agents: [],
      pins: [],
      has: {},
    };
  };

  /**
   * Stores what `next` makes of the people as they are, and tells of it; gives the record that counts then: undefined where there is none, and `next` wants none. Of two changes at
   * once each is made of what the other left. Throws what `next` throws, NOT_FOUND where the conversation is nobody's, and OVERLOADED when the broker has not answered for 15 s.
   */
  return async (
    conversation: ConversationId,
    next: (people: People) => PeopleChange | undefined,
  ): Promise<PeopleRecord | undefined> => {
    let standing: PeopleRecord | undefined;
    const subject = subjects.people(events.shardOf(conversation), conversation);
    const appended = await appendBehind<PeopleRecord>(
      { append: events.append, last },
      subject,
      async (found, tried) => {
        standing = found?.value;
        // What cannot be read must not be written over: it says who may do what.
        if (found !== undefined && standing === undefined) throw new ChatError("PROCESSING_ERROR");
        // It was stored, and the answer was lost.
        if (tried !== undefined && isDeepStrictEqual(standing, tried)) return undefined;
        const changed = next(await peopleOf(conversation, standing));
        if (changed === undefined) return undefined;
        // Whoever stored that may have died before it told, and only the last record says what was to be told.
        if (standing !== undefined) await tell(standing);
        return recordOf(conversation, { changed, n: numberAfter(found), before: standing });
      },
    );
    const record = appended?.value ?? standing;
    if (record !== undefined) await tell(record);
    // Else the log, which is kept, would have all that ever was.
    if (appended !== undefined && appended.value.n > 1) await dropEarlier(conversation).catch(() => {});
    return record;
  };
}

interface NewRecord {
  readonly changed: PeopleChange;
  readonly n: number;
  readonly before: PeopleRecord | undefined;
}

/** As whoever reads it back has it: so it can be known again, and what could not be read is not written. */
function recordOf(conversation_id: ConversationId, { changed, n, before }: NewRecord): PeopleRecord {
  const { people, told } = changed;
  const ts = Date.now();
  const event = told === undefined ? before?.told : { ...told, conversation_id, n, ts };
  const common = { v: 1, kind: "people", conversation_id, n, people, ts } as const;
  return PeopleRecord.parse(parseStored(encodeJson(event === undefined ? common : { ...common, told: event })));
}

/** Behind one that cannot be read, its sequence is as good: it is higher than any number. */
function numberAfter(last: LastOne<PeopleRecord> | undefined): number {
  return last === undefined ? 1 : (last.value?.n ?? last.seq) + 1;
}

type Tell = (record: PeopleRecord) => Promise<void>;

function createTelling({ events, eventWindowMs }: PeopleDeps): Tell {
  type Told = MemberEvent | PinEvent;
  const last = async (subject: string): Promise<LastOne<Told> | undefined> => {
    const found = await events.lastFromLeader(subject);
    if (found === undefined) return undefined;
    const { seq, event } = found;
    return { seq, value: event.type === "member" || event.type === "pin" ? event : undefined };
  };
  /** Once, and never behind a later one: whoever wrote that has told of this before. */
  return async ({ conversation_id, told }) => {
    if (told === undefined || Date.now() - told.ts > eventWindowMs) return;
    const subject = subjects.memberEvent(events.shardOf(conversation_id), conversation_id);
    await appendBehind<Told>({ append: events.append, last }, subject, (found) =>
      (found?.value?.n ?? 0) >= told.n ? undefined : told,
    );
  };
}

/** By the word of the leaders. A turn is in the queue until its record is stored. */
async function exists(
  { jsm, events }: Pick<PeopleDeps, "jsm" | "events">,
  conversation: ConversationId,
): Promise<boolean> {
  const shard = events.shardOf(conversation);
  const next = { seq: 1, next_by_subj: subjects.turns(conversation) };
  if ((await jsm.streams.getMessage(streams.turns, next)) !== null) return true;
  const query = { last_by_subj: subjects.log(shard, conversation) };
  return (await jsm.streams.getMessage(streams.log(shard), query)) !== null;
}

function notFound(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such conversation." });
}

import { isDeepStrictEqual } from "node:util";
import {
  ChatError,
  HandoverRecord,
  handoverOf,
  isHandedOver,
  limits,
  parseStored,
  shardOfSubject,
  streams,
  subjects,
  type Author,
  type ConversationId,
  type HandoverEvent,
  type TurnId,
} from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { BrokerClock } from "./broker-clock.ts";
import type { EventLog } from "./event-log.ts";
import { createHandoverFollower, isDue } from "./handover-following.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface HandoverDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly clock: BrokerClock;
  readonly shards: number;
  readonly unreadable: Unreadable;
  /** How long events are kept. */
  readonly eventWindowMs: number;
}

/** Who asks for a person, for whom. */
export interface HandoverWish {
  readonly by: Author;
  readonly reason?: string | undefined;
  readonly user: HandoverRecord["user"];
  readonly tenant?: string | undefined;
  readonly turn_id: TurnId;
  /** It ends when nobody has taken it by then. */
  readonly waitMs: number;
  /** It ends when whoever has taken it says nothing for so long. */
  readonly idleMs: number;
}

export type EndOfHandover = "given back" | "withdrawn" | "nobody came" | "silent" | "deleted";

export interface Changed {
  readonly record: HandoverRecord;
  readonly isOwn: boolean;
}

export type Handovers = ReturnType<typeof createHandovers>;
export type HandoverFollower = ReturnType<Handovers["follow"]>;

/**
 * Conversations in which a person answers in place of the agent: one record for each, on a subject of its own in `LOG`, of which the last one counts; then the event,
 * for who looks on. Both are appended behind the one before (compare-and-set). All times are the broker's: a process with a wrong clock neither ends one nor keeps it.
 */
export function createHandovers(deps: HandoverDeps) {
  const records = createRecords(deps);
  const { change } = records;
  return {
    /** By the word of the stream's leader; undefined: nobody was ever asked for, or long ago. */
    async of(conversation: ConversationId): Promise<HandoverRecord | undefined> {
      return (await records.last(records.subjectOf(conversation)))?.value;
    },

    /** Asks for a person, unless somebody has. */
    ask: (conversation: ConversationId, wish: HandoverWish): Promise<HandoverRecord> =>
      change(conversation, (last, nowMs) => (isHandedOver(last) ? undefined : asked(conversation, wish, nowMs))),

    /** Of two who do it one gets it; the other gets CONFLICT. NOT_FOUND where nobody is waited for. */
    take: (conversation: ConversationId, operator: Author): Promise<HandoverRecord> =>
      change(conversation, (last, nowMs) => {
        if (last === undefined || !isHandedOver(last) || isDue(last, nowMs)) throw notWaiting();
        if (last.state === "taken" && last.operator?.id === operator.id) return undefined;
        if (last.state === "taken") throw takenBy(last.operator);
        return { ...last, state: "taken", operator, taken_at: nowMs, until: nowMs + last.idle_ms };
      }),

    /** Whoever has it has said something. No viewer is told. */
    touch: (conversation: ConversationId, operatorId: string): Promise<HandoverRecord | undefined> =>
      change(
        conversation,
        (last, nowMs) =>
          last?.state === "taken" && last.operator?.id === operatorId
            ? { ...last, until: nowMs + last.idle_ms }
            : undefined,
        true,
      ).catch(ifNone),

    /** Ends it, if `only` still holds; gives it as it stands then, and whether that was done here: of two who end it at once by one. NOT_FOUND where there is none. */
    end: (
      conversation: ConversationId,
      why: EndOfHandover,
      only: (last: HandoverRecord) => boolean = () => true,
    ): Promise<Changed> =>
      records.changed(conversation, (last) =>
        isHandedOver(last) && last !== undefined && only(last) ? ended(last, why) : undefined,
      ),

    /** Ends one whose time is over; gives it as it stands then. */
    expire: (conversation: ConversationId): Promise<HandoverRecord | undefined> =>
      change(conversation, (last, nowMs) =>
        last !== undefined && isDue(last, nowMs)
          ? ended(last, last.state === "taken" ? "silent" : "nobody came")
          : undefined,
      ).catch(ifNone),

    /** The conversation was deleted: nobody is to come any more. */
    async bury(conversation: ConversationId): Promise<void> {
      const last = await records.last(records.subjectOf(conversation));
      if (last?.value !== undefined && isHandedOver(last.value))
        await change(conversation, (open) => (open && isHandedOver(open) ? ended(open, "deleted") : undefined));
      if (last !== undefined) await records.dropEarlier(conversation);
    },

    /** The time by which they end. */
    nowMs: deps.clock.nowMs,

    /** Lets records go that count no more. For edges: others have no right to it. */
    dropEarlier: records.dropEarlier,

    follow: () => createHandoverFollower(deps, records),
  };
}

function asked(conversation: ConversationId, wish: HandoverWish, nowMs: number): HandoverRecord {
  const { by, reason, user, tenant, turn_id, waitMs, idleMs } = wish;
  return {
    ...{ v: 1, kind: "handover", conversation_id: conversation, n: 1, state: "waiting" },
    ...(reason === undefined || reason === "" ? {} : { reason: cut(reason) }),
    ...{ asked_by: by, asked_at: nowMs, until: nowMs + waitMs, user, turn_id, idle_ms: idleMs, ts: nowMs },
    ...(tenant === undefined ? {} : { tenant }),
  };
}

function cut(reason: string): string {
  return Array.from(reason.toWellFormed()).slice(0, limits.handoverReasonChars).join("");
}

function ended({ until: _until, ...last }: HandoverRecord, why: EndOfHandover): HandoverRecord {
  return { ...last, state: "ended", ended: why };
}

function notWaiting(): ChatError {
  return new ChatError("NOT_FOUND", { message: "Nobody is waited for in this conversation, or not any more." });
}

function takenBy(operator: Author | undefined): ChatError {
  const name = operator?.name ?? operator?.id ?? "somebody else";
  return new ChatError("CONFLICT", { message: `This conversation was taken by ${name}.` });
}

function ifNone(error: unknown): undefined {
  if (error instanceof ChatError && error.code === "NOT_FOUND") return undefined;
  throw error;
}

/** When it ends: so long after the broker stored it as whoever wrote it meant, however wrong their clock was. */
function inBrokerTime(record: HandoverRecord, storedMs: number): HandoverRecord {
  return record.until === undefined ? record : { ...record, until: storedMs + record.until - record.ts };
}

type Next = (last: HandoverRecord | undefined, nowMs: number) => HandoverRecord | undefined;

function createRecords({ jsm, events, clock, unreadable }: HandoverDeps) {
  const tell = createTelling(events);
  const subjectOf = (conversation: ConversationId): string =>
    subjects.handover(events.shardOf(conversation), conversation);
  const read = (message: FoundMessage | null): LastOne<HandoverRecord> | undefined => {
    if (message === null) return undefined;
    const value = HandoverRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value: value && inBrokerTime(value, message.time.getTime()) };
  };
  const last = async (subject: string): Promise<LastOne<HandoverRecord> | undefined> =>
    read(await jsm.streams.getMessage(streams.log(shardOfSubject(subject)), { last_by_subj: subject }));

  /** Stores what `next` makes of the last record, and tells of it; gives the record that counts then. NOT_FOUND where there is none, and what `next` throws. */
  const changed = async (conversation: ConversationId, next: Next, isQuiet = false): Promise<Changed> => {
    let isStored = false;
    let standing: HandoverRecord | undefined;
    const nowMs = await clock.nowMs();
    const appended = await appendBehind<HandoverRecord>(
      { append: events.append, last },
      subjectOf(conversation),
      (found, tried) => {
        standing = found?.value;
        // It was stored, and the answer was lost.
        if (tried !== undefined && isSame(standing, tried)) return void (isStored = true);
        const value = next(standing, nowMs);
        // Behind one that cannot be read, its sequence is as good: it is higher than any number.
        const n = found === undefined ? 1 : (standing?.n ?? found.seq) + 1;
        return value === undefined ? undefined : { ...value, n, ts: nowMs };
      },
    );
    const record = appended?.value ?? standing;
    if (record === undefined) throw notWaiting();
    // Also what was there: whoever stored it may have died before it told.
    if (!isQuiet) await tell(record);
    return { record, isOwn: isStored || appended !== undefined };
  };
  const change = async (...args: Parameters<typeof changed>): Promise<HandoverRecord> =>
    (await changed(...args)).record;

  return {
    subjectOf,
    read,
    last,
    change,
    changed,
    tell,
    /** `upTo`: with that one; default: all but the last one. */
    async dropEarlier(conversation: ConversationId, upTo?: number): Promise<void> {
      const stream = streams.log(events.shardOf(conversation));
      const filter = subjectOf(conversation);
      await jsm.streams.purge(stream, upTo === undefined ? { filter, keep: 1 } : { filter, seq: upTo + 1 });
    },
  };
}

/** `until` is that of the broker's time in what was read, and follows from the rest. */
function isSame(found: HandoverRecord | undefined, own: HandoverRecord): boolean {
  return found !== undefined && isDeepStrictEqual({ ...found, until: undefined }, { ...own, until: undefined });
}

function createTelling(events: EventLog) {
  /** Once, and never behind a later one: whoever wrote that has told more. */
  return async (record: HandoverRecord): Promise<void> => {
    const { conversation_id, ts } = record;
    if (record.ended === "deleted") return;
    const event: HandoverEvent = { type: "handover", conversation_id, ts, ...handoverOf(record) };
    const last = async (subject: string): Promise<LastOne<HandoverEvent> | undefined> => {
      const found = await events.lastFromLeader(subject);
      return found && { seq: found.seq, value: found.event.type === "handover" ? found.event : undefined };
    };
    const subject = subjects.handoverEvent(events.shardOf(conversation_id), conversation_id);
    await appendBehind<HandoverEvent>({ append: events.append, last }, subject, (found) =>
      (found?.value?.n ?? 0) >= record.n ? undefined : event,
    );
  };
}

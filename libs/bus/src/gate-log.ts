import { createHash } from "node:crypto";
import {
  ChatError,
  RevocationRecord,
  limits,
  parseStored,
  revocationHolds,
  revocationKey,
  streams,
  subjects,
  type Revocable,
} from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import { NoRoomError, type Append, type AppendResult, type Appender } from "./appender.ts";
import { wholeStream, type FoundMessage } from "./direct-get.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { addReadConsumer } from "./stream-consumer.ts";
import { readAll } from "./stream-reading.ts";
import type { Unreadable } from "./unreadable.ts";

export interface GateLogDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly append: Appender["append"];
  /** Makes the stream if it is not there. */
  readonly setUp: () => Promise<void>;
  readonly unreadable: Unreadable;
}

/** What a revocation is about. */
export interface RevokedThing {
  readonly what: Revocable;
  readonly id: string;
  readonly user?: string | undefined;
}

/** Somebody, and by what they were signed in. */
export interface Holder {
  readonly user: string;
  readonly session?: string | undefined;
  /** The token's own name, and its hash. */
  readonly tokens: readonly string[];
  readonly issuedMs?: number | undefined;
}

export type GateLog = ReturnType<typeof createGateLog>;

/** What was revoked, as the broker keeps it. The right to it have edges only. */
export function createGateLog(deps: GateLogDeps) {
  const { setUp } = deps;
  const records = createRecords(deps);
  return {
    setUp,

    /** Whether what somebody was signed in by was revoked since. Exact look-ups, for who knows it by name; throws when the broker does not answer. */
    isRevoked: (holder: Holder) => isRevoked(deps, records.read, holder),

    /** For one reader, which gets each record once, the first time all. */
    follow: () => createFollower(deps, records.read),

    /**
     * Stores what `next` makes of the record that counts now. Returns that; what there was when `next` gives nothing. Throws OVERLOADED when the broker has not
     * answered for 15 s, or there is no room: then after what `isOver` calls so was removed.
     */
    async put(
      thing: RevokedThing,
      next: (last: RevocationRecord | undefined) => RevocationRecord | undefined,
      isOver: (record: RevocationRecord) => boolean,
    ): Promise<RevocationRecord | undefined> {
      const subject = subjectOf(thing);
      const store = (): Promise<RevocationRecord | undefined> => putBehind(records, subject, next);
      try {
        return await store();
      } catch (error) {
        if (!(error instanceof NoRoomError)) throw error;
      }
      await removeOver(deps, records.read, isOver);
      return store().catch((error: unknown) => {
        throw error instanceof NoRoomError ? full(error) : error;
      });
    },
  };
}

async function isRevoked({ jsm }: GateLogDeps, read: ReadRecord, holder: Holder): Promise<boolean> {
  const { user, session, tokens, issuedMs } = holder;
  const named = [
    ...(session === undefined ? [] : [{ what: "session" as const, id: session }]),
    ...tokens.map((id) => ({ what: "token" as const, id })),
  ];
  const things = [{ what: "user" as const, id: user }, ...named, ...named.map((thing) => ({ ...thing, user }))];
  const found = await Promise.all(
    things.map((thing) => jsm.lookUpAnyCopy(streams.gate, { last_by_subj: subjectOf(thing) })),
  );
  return found.some((message) => {
    const record = message === null ? undefined : read(message);
    return record !== undefined && record.lifted !== true && revocationHolds(record, user, issuedMs);
  });
}

async function putBehind(
  records: ReturnType<typeof createRecords>,
  subject: string,
  next: (last: RevocationRecord | undefined) => RevocationRecord | undefined,
): Promise<RevocationRecord | undefined> {
  let counts: RevocationRecord | undefined;
  await appendBehind<RevocationRecord>(records, subject, (last, tried) => {
    // Stored without an answer: as good as having been told.
    const isOwn = tried !== undefined && JSON.stringify(last?.value) === JSON.stringify(tried);
    const value = isOwn ? undefined : next(last?.value);
    counts = value ?? last?.value;
    return value;
  });
  return counts;
}

function full(cause: NoRoomError): ChatError {
  const message = `No more can be revoked: ${limits.revocations} revocations are kept, and none of them has run out. Take some back, or revoke users instead of single sign-ins.`;
  return new ChatError("OVERLOADED", { message, cause });
}

/** One token of a subject, whatever the id holds, and nobody's name in what brokers log. */
function subjectOf(thing: RevokedThing): string {
  return subjects.revoked(createHash("sha256").update(revocationKey(thing)).digest("base64url"));
}

type ReadRecord = (message: Pick<FoundMessage, "subject" | "seq" | "data">) => RevocationRecord | undefined;

function createRecords({ jsm, append, setUp, unreadable }: GateLogDeps) {
  const read: ReadRecord = (message) => {
    const record = RevocationRecord.safeParse(parseStored(message.data)).data;
    if (record === undefined) unreadable.note("record", message);
    return record;
  };
  return {
    read,
    async append(message: Append): Promise<AppendResult> {
      const result = await append(message);
      if (result.kind === "absent") await setUp().catch(() => {});
      return result;
    },
    async last(subject: string): Promise<LastOne<RevocationRecord> | undefined> {
      const found = await jsm.streams.getMessage(streams.gate, { last_by_subj: subject });
      return found === null ? undefined : { seq: found.seq, value: read(found) };
    },
  };
}

/** All from a sequence to another, with their sequences. */
async function readRange(
  { link, jsm }: Pick<GateLogDeps, "link" | "jsm">,
  { fromSeq, toSeq }: { readonly fromSeq: number; readonly toSeq: number },
  take: (message: Pick<FoundMessage, "subject" | "seq" | "data">) => void,
): Promise<void> {
  const consumer = await addReadConsumer(jsm, { stream: streams.gate, fromSeq });
  try {
    await readAll(link, consumer.pull, ({ subject, data }, seq) => {
      take({ subject, seq, data });
      return seq >= toSeq;
    });
  } finally {
    consumer.remove();
  }
}

async function removeOver(
  deps: GateLogDeps,
  read: ReadRecord,
  isOver: (record: RevocationRecord) => boolean,
): Promise<void> {
  const { jsm } = deps;
  const newest = await jsm.lookUp(streams.gate, { last_by_subj: wholeStream });
  if (newest === null) return;
  const over: number[] = [];
  await readRange(deps, { fromSeq: 1, toSeq: newest.seq }, (message) => {
    const record = read(message);
    if (record !== undefined && isOver(record)) over.push(message.seq);
  });
  // By its sequence: a later record of the same thing stays.
  for (const seq of over) await jsm.streams.deleteMessage(streams.gate, seq, false).catch(() => false);
}

interface Place {
  readonly seq: number;
  readonly timeMs: number;
}

/**
 * Gives what was stored since it was asked last. It asks for the newest record and holds it against the one that it read last, by sequence and time: there is no subscription that could
 * be lost, and a stream that was purged, lost and made again, or restored is read anew.
 */
function createFollower(deps: GateLogDeps, read: ReadRecord) {
  const { jsm } = deps;
  let at: Place | undefined;

  const isThere = async ({ seq, timeMs }: Place): Promise<boolean> =>
    (await jsm.lookUp(streams.gate, { seq }))?.time.getTime() === timeMs;

  return {
    /** Rejects when the broker does not answer for 10 s. */
    async next(): Promise<RevocationRecord[]> {
      const found = await jsm.lookUp(streams.gate, { last_by_subj: wholeStream });
      const newest = found === null ? undefined : { seq: found.seq, timeMs: found.time.getTime() };
      if (found === null || newest === undefined) {
        at = undefined;
        return [];
      }
      if (newest.seq === at?.seq && newest.timeMs === at.timeMs) return [];
      // Lent: it is read before anything is waited for.
      const last = { ...found, data: found.data.slice() };
      const goesOn = at !== undefined && newest.seq > at.seq && (await isThere(at));
      const fromSeq = goesOn && at !== undefined ? at.seq + 1 : 1;
      const messages: RevocationRecord[] = [];
      const take: Parameters<typeof readRange>[2] = (message) => {
        const record = read(message);
        if (record !== undefined) messages.push(record);
      };
      if (fromSeq === newest.seq) take(last);
      else await readRange(deps, { fromSeq, toSeq: newest.seq }, take);
      at = newest;
      return messages;
    },
  };
}

import { createHash } from "node:crypto";
import { UsageRecord, encodeJson, parseStored, streams, subjects } from "@parley/protocol";
import { createBackoff, sleep, withDeadline } from "@parley/runtime";
import type { Append, AppendResult, Appender } from "./appender.ts";
import { wholeStream } from "./direct-get.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { addReadConsumer, type ReadConsumer } from "./stream-consumer.ts";
import { readAll } from "./stream-reading.ts";
import type { Unreadable } from "./unreadable.ts";
import { eraseUsage, tenantsIn } from "./usage-erasing.ts";

export interface UsageLogDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly append: Appender["append"];
  /** Makes the stream if it is not there. */
  readonly setUp: () => Promise<void>;
  readonly unreadable: Unreadable;
}

/** A record with where it stands. */
export interface StoredUsage {
  readonly seq: number;
  readonly record: UsageRecord;
}

export interface UsageQuery {
  /** Records on a page. */
  readonly limit: number;
  /** Only what stands behind this sequence: where the page before ended. */
  readonly after?: number | undefined;
  /** Only what was stored from then on, by the broker's clock. */
  readonly sinceMs?: number | undefined;
  /** Only what was stored before then. */
  readonly untilMs?: number | undefined;
  matches(record: UsageRecord): boolean;
}

export interface UsagePage {
  /** Oldest first. */
  readonly records: readonly UsageRecord[];
  /** Where the next page begins; undefined: that was all. */
  readonly next: number | undefined;
}

type Newest = () => Promise<{ readonly seq: number; readonly storedMs: number } | undefined>;
type From = Omit<ReadConsumer, "stream" | "filter">;

/** A reader that begins behind the newest record would wait for one. */
function isBehind({ fromSeq, fromMs }: From, last: { readonly seq: number; readonly storedMs: number }): boolean {
  return fromMs === undefined ? fromSeq > last.seq : fromMs > last.storedMs;
}

export type UsageLog = ReturnType<typeof createUsageLog>;

/** Longer than an election, and than the broker takes to start. */
const writeDeadlineMs = 15_000;
/** Whoever ends a turn waits for so long; what is not stored by then is tried further beside it. */
const waitedMs = 1_000;
/** On their way at once, in one process. */
const maxWaiting = 5_000;
const closeMs = 2_000;
/** Looked through for one page, some 350 bytes each. */
const mostLooked = 20_000;

/** In a subject: one token whatever the name holds, and nobody's name in what brokers log. */
function token(name: string | undefined): string {
  return name === undefined ? "_" : createHash("sha256").update(name).digest("base64url");
}

function subjectOf({ tenant, user }: Pick<UsageRecord, "tenant" | "user">): string {
  return subjects.usage(token(tenant), token(user));
}

/**
 * What turns have used: a record for each that has ended, and for calls of models beside turns. It is there where somebody has asked for it (quotas, `record`):
 * the bill is made of it, and the counters of quotas are made anew of it when Redis has lost them.
 */
export function createUsageLog(deps: UsageLogDeps) {
  const { jsm, setUp } = deps;
  const writing = createWriting(deps);
  let there: Promise<void> | undefined;
  const newest: Newest = async () => {
    // A stream that is not there does not answer either.
    there ??= setUp();
    await there.catch((error: unknown) => {
      there = undefined;
      throw error;
    });
    const found = await jsm.lookUp(streams.usage, { last_by_subj: wholeStream });
    return found === null ? undefined : { seq: found.seq, storedMs: found.time.getTime() };
  };

  return {
    /** For who writes: makes the stream if it is not there. */
    setUp,

    /**
     * Stores the record, once for each `id`. `mayBeThere`: it may have been stored longer ago than the broker remembers ids. Never throws. Resolves when it is stored, or
     * after a second, and at once while the broker takes none: the end of an answer does not wait for its bill.
     */
    write: writing.write,

    /** What is on its way, or was given up. */
    async settled(): Promise<void> {
      await withDeadline(writing.all(), closeMs, "storing what turns have used").catch(() => {});
    },

    /** Records that could not be stored. */
    lost: writing.lost,

    /** Gives each record from there on until the newest, in their order. Returns the sequence up to which was read; undefined: there is none. Rejects when the broker does not answer. */
    async read(from: From, take: (found: StoredUsage) => void): Promise<number | undefined> {
      const last = await newest();
      if (last === undefined || isBehind(from, last)) return last?.seq;
      await readUntil(deps, from, { toSeq: last.seq, take });
      return last.seq;
    },

    page: createPaging(deps, newest),

    /** In which tenants somebody's turns have used something. */
    async tenantsOf(user: string): Promise<ReadonlySet<string>> {
      return (await newest()) === undefined ? new Set() : tenantsIn(deps, user);
    },

    /** See `eraseUsage`. */
    async erase(of: Parameters<typeof eraseUsage>[1]): Promise<number> {
      return (await newest()) === undefined ? 0 : eraseUsage(deps, of);
    },
  };
}

function createWriting({ append, setUp, jsm }: UsageLogDeps) {
  const pending = new Set<Promise<unknown>>();
  let lost = 0;
  let isFailing = false;

  const isLastOne = async (subject: string, id: string): Promise<boolean> => {
    const found = await jsm.lookUp(streams.usage, { last_by_subj: subject }).catch(() => null);
    return found !== null && UsageRecord.safeParse(parseStored(found.data)).data?.id === id;
  };
  const store = async (record: UsageRecord, mayBeThere: boolean): Promise<boolean> => {
    const subject = subjectOf(record);
    if (mayBeThere && (await isLastOne(subject, record.id))) return true;
    return tryFor({ append, setUp }, { subject, data: encodeJson(record), msgId: `usage.${record.id}` });
  };

  return {
    lost: (): number => lost,
    all: (): Promise<unknown> => Promise.allSettled(pending),
    async write(record: UsageRecord, { mayBeThere = false }: { readonly mayBeThere?: boolean } = {}): Promise<void> {
      if (pending.size >= maxWaiting) return void lost++;
      const stored = store(record, mayBeThere)
        .catch(() => false)
        .then((isStored) => {
          if (!isStored) lost++;
          isFailing = !isStored;
        });
      pending.add(stored);
      void stored.finally(() => pending.delete(stored));
      if (!isFailing) await withDeadline(stored, waitedMs, "storing what a turn has used").catch(() => {});
    },
  };
}

async function tryFor({ append, setUp }: Pick<UsageLogDeps, "append" | "setUp">, message: Append): Promise<boolean> {
  const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
  const deadline = performance.now() + writeDeadlineMs;
  while (performance.now() < deadline) {
    const result: AppendResult = await append(message);
    if (result.kind === "stored") return true;
    if (result.kind === "too large" || result.kind === "no room") return false;
    if (result.kind === "absent") await setUp().catch(() => {});
    await sleep(backoff.nextMs());
  }
  return false;
}

interface Reading {
  readonly toSeq: number;
  /** True: no more is wanted. */
  readonly take: (found: StoredUsage, storedMs: number) => boolean | void;
}

async function readUntil(
  { link, jsm, unreadable }: UsageLogDeps,
  from: Omit<ReadConsumer, "stream">,
  { toSeq, take }: Reading,
): Promise<void> {
  const consumer = await addReadConsumer(jsm, { stream: streams.usage, ...from });
  try {
    await readAll(link, consumer.pull, ({ subject, data }, seq, storedMs) => {
      if (seq > toSeq) return true;
      const record = UsageRecord.safeParse(parseStored(data)).data;
      if (record === undefined) unreadable.note("record", { subject, seq });
      else if (take({ seq, record }, storedMs) === true) return true;
      return seq >= toSeq;
    });
  } finally {
    consumer.remove();
  }
}

function createPaging(deps: UsageLogDeps, newest: Newest) {
  return async ({ limit, after = 0, sinceMs, untilMs = Infinity, matches }: UsageQuery): Promise<UsagePage> => {
    const records: UsageRecord[] = [];
    const last = await newest();
    const from = after === 0 && sinceMs !== undefined ? { fromSeq: 1, fromMs: sinceMs } : { fromSeq: after + 1 };
    if (last === undefined || isBehind(from, last)) return { records, next: undefined };
    const toSeq = last.seq;
    let next: number | undefined;
    let looked = 0;
    await readUntil(deps, from, {
      toSeq,
      take({ seq, record }, storedMs) {
        if (storedMs >= untilMs) return true;
        if (matches(record)) records.push(record);
        if (seq >= toSeq || (records.length < limit && ++looked < mostLooked)) return false;
        next = seq;
        return true;
      },
    });
    return { records, next };
  };
}

import { jetstreamManager } from "@nats-io/jetstream";
import { AuditEntry, auditChannels, limits, parseStored, streams } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { createAppender } from "./appender.ts";
import { wholeStream, type FoundMessage } from "./direct-get.ts";
import type { Encryption } from "./encryption.ts";
import type { BrokerLink } from "./nats-connection.ts";
import { createOpenedLine } from "./opened-line.ts";
import type { Opening } from "./opening.ts";
import { createOutbox } from "./outbox.ts";
import { askTimeoutMs, createPatientLookups, type PatientLookups } from "./patient-lookups.ts";
import { createRequests } from "./requests.ts";
import { createSealing } from "./sealing.ts";
import { addReadConsumer, type ReadConsumer } from "./stream-consumer.ts";
import { readAll, type ReadMessage } from "./stream-reading.ts";
import { createUnreadable, type Unreadable } from "./unreadable.ts";

/** An entry with where and when the broker stored it, by its clock. */
export interface AuditRecord {
  readonly seq: number;
  readonly storedMs: number;
  readonly entry: AuditEntry;
}

export interface AuditQuery {
  /** Entries on a page. */
  readonly limit: number;
  /** Only what stands before this sequence: where the page before ended. */
  readonly before?: number | undefined;
  /** Only what was stored since, by the broker's clock. */
  readonly sinceMs?: number | undefined;
  matches(entry: AuditEntry): boolean;
}

/** What somebody looks for; what is not named is not looked at. */
export interface AuditFilter {
  /** By id: whose turn it was, who decided, or by whose word something ran. */
  readonly user?: string | undefined;
  /** A name, or the beginning of names with `*` behind it. */
  readonly tool?: string | undefined;
  readonly conversation?: string | undefined;
  readonly kind?: string | undefined;
}

export function auditMatcher({ user, tool, conversation, kind }: AuditFilter): (entry: AuditEntry) => boolean {
  const isTool = (name: string): boolean =>
    tool?.endsWith("*") === true ? name.startsWith(tool.slice(0, -1)) : name === tool;
  return (entry) =>
    (user === undefined || entry.user?.id === user || entry.agreed_by?.id === user) &&
    (tool === undefined || isTool(entry.tool ?? "")) &&
    (conversation === undefined || entry.conversation_id === conversation) &&
    (kind === undefined || entry.kind === kind);
}

export interface AuditPage {
  /** Newest first. */
  readonly records: readonly AuditRecord[];
  /** Where the next page begins, also after a page that is not full: only so many entries are looked through for one. Undefined: that was all. */
  readonly before: number | undefined;
}

export interface AuditReading {
  page(query: AuditQuery): Promise<AuditPage>;
  /** For one reader, which gets each entry once; the first time those of the last 24 h, the longest for which a question is open. */
  follow(): { next(take: (record: AuditRecord) => void): Promise<void> };
}

interface ReadingDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly opening: Pick<Opening, "inOrder">;
  readonly unreadable: Unreadable;
}

/** Looked through in one go, some 700 bytes each. */
const windowEntries = 2_000;
/** Looked through for one page: then it ends, however little is on it. */
const maxWindows = 10;

export function createAuditReading(deps: ReadingDeps): AuditReading {
  const { jsm } = deps;
  const newest = (): Promise<FoundMessage | null> => jsm.lookUp(streams.audit, { last_by_subj: wholeStream });

  return {
    async page({ limit, before, sinceMs = 0, matches }) {
      const last = await newest();
      if (last === null) return { records: [], before: undefined };
      const { state } = await jsm.streams.info(streams.audit);
      const records: AuditRecord[] = [];
      let end = Math.min(before ?? Infinity, last.seq + 1);
      for (let windows = 0; windows < maxWindows && end > state.first_seq; windows++) {
        const fromSeq = Math.max(state.first_seq, end - windowEntries);
        const found = await readWindow(deps, { fromSeq, toSeq: end - 1 });
        for (const record of found.toReversed()) {
          if (record.storedMs < sinceMs) return { records, before: undefined };
          if (matches(record.entry)) records.push(record);
          if (records.length === limit) return { records, before: record.seq };
        }
        end = fromSeq;
      }
      return { records, before: end > state.first_seq ? end : undefined };
    },

    follow: () => createFollower(deps, newest),
  };
}

interface Window {
  readonly fromSeq: number;
  readonly toSeq: number;
}

async function readWindow(deps: ReadingDeps, { fromSeq, toSeq }: Window): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  await readUntil(deps, { fromSeq }, toSeq, (record) => void records.push(record));
  return records;
}

async function readUntil(
  { link, jsm, opening, unreadable }: ReadingDeps,
  from: Omit<ReadConsumer, "stream">,
  toSeq: number,
  take: (record: AuditRecord) => void,
): Promise<void> {
  const consumer = await addReadConsumer(jsm, { stream: streams.audit, ...from });
  const line = createOpenedLine(opening);
  try {
    await readAll(link, consumer.pull, (message, seq, storedMs) => {
      if (seq > toSeq) return true;
      line.add(message, (opened) => {
        const entry = readEntry(opened);
        if (entry === undefined) unreadable.note("audit", { subject: opened.subject, seq });
        else take({ seq, storedMs, entry });
      });
      return seq >= toSeq;
    });
    await line.settled();
  } finally {
    consumer.remove();
  }
}

/** What says that it is of a kind that its subject is not for, was written by a process that may not say so. */
function readEntry({ subject, data }: ReadMessage): AuditEntry | undefined {
  const { data: entry } = AuditEntry.safeParse(parseStored(data));
  return entry !== undefined && subject.split(".")[2] === auditChannels[entry.kind] ? entry : undefined;
}

/** It holds the newest entry against the one that it read last, by sequence and time: there is no subscription that could be lost, and a stream that was made anew is read anew. */
function createFollower(deps: ReadingDeps, newest: () => Promise<FoundMessage | null>) {
  let at: { readonly seq: number; readonly timeMs: number } | undefined;
  return {
    /** Rejects when the broker does not answer for 10 s; what was not given yet comes the next time. */
    async next(take: (record: AuditRecord) => void): Promise<void> {
      const last = await newest();
      if (last === null) return;
      const { seq } = last;
      const timeMs = last.time.getTime();
      if (at?.seq === seq && at.timeMs === timeMs) return;
      const goesOn = at !== undefined && seq > at.seq && timeMs >= at.timeMs;
      const from =
        goesOn && at !== undefined ? { fromSeq: at.seq + 1 } : { fromSeq: 1, fromMs: timeMs - limits.approvalMs };
      await readUntil(deps, from, seq, take);
      at = { seq, timeMs };
    },
  };
}

/**
 * For people who only look: it makes nothing, and needs the rights of the role `auditor`. Where entries are encrypted they are read with the master keys of
 * `encryption`. `close` leaves the connection to whoever made it.
 */
export async function openAuditReader(
  link: BrokerLink,
  { log, encryption }: { readonly log: Logger; readonly encryption?: Encryption | undefined },
): Promise<AuditReading & { close(): void }> {
  const manager = await jetstreamManager(link.nc, { checkAPI: false, timeout: askTimeoutMs });
  const outbox = createOutbox();
  const requests = createRequests(link, outbox, log);
  const options = { shards: 1, replicas: 1 };
  const lookups = createPatientLookups(manager, requests, options);
  const appender = createAppender(link, outbox, { log, restore: async () => {} });
  const sealing = createSealing({ link, jsm: lookups, manager, appender, options, log }, encryption);
  const { jsm, opening } = sealing;
  return {
    ...createAuditReading({ link, jsm, opening, unreadable: createUnreadable(log) }),
    close() {
      sealing.close();
      outbox.close();
      appender.close();
      requests.close();
    },
  };
}

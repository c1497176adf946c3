import { createHash } from "node:crypto";
import {
  ChatError,
  MemoryRecord,
  jsonBytes,
  limits,
  parseStored,
  streams,
  subjects,
  type MemoryFact,
} from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { Append, AppendResult } from "./appender.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { FileSealing } from "./file-store-sealed.ts";
import type { GateLogDeps } from "./gate-log.ts";
import { once } from "./once.ts";
import { scopeOfUser } from "./seal-places.ts";

/** Whose memory it is: a user of one tenant is nobody of another one. */
export interface MemoryOwner {
  readonly user: string;
  readonly tenant: string | undefined;
}

export interface Memory {
  /** False: the user wants nothing to be remembered, nor what is there to be used. */
  readonly enabled: boolean;
  readonly facts: readonly MemoryFact[];
}

export type Memories = ReturnType<typeof createMemories>;

const nothing: Memory = { enabled: true, facts: [] };

export interface MemoriesDeps extends Omit<GateLogDeps, "link"> {
  /** Undefined: nothing is sealed here. */
  readonly sealing?: Pick<FileSealing, "shred"> | undefined;
}

/** What users want to be remembered: of each user one record, of which the last one counts and has all of it. For edges and agent workers. */
export function createMemories(deps: MemoriesDeps) {
  const { jsm } = deps;
  const ready = once(deps.setUp);
  const records = createRecords(deps, ready);
  return {
    /** Makes the stream where it is missing; once it is there, nothing. Rejects when the broker does not answer. */
    setUp: ready,

    /** One exact look-up. */
    async of(owner: MemoryOwner): Promise<Memory> {
      await ready();
      return memoryIn(records.read(await jsm.lookUp(streams.memory, { last_by_subj: subjectOf(owner) }))?.value);
    },

    /**
     * Stores what `next` makes of what there is; undefined from it: it stays. Returns what counts then. Throws what `next` throws, CONFLICT where that is more than
     * is kept, and OVERLOADED when the broker has not answered for 15 s.
     */
    async change(owner: MemoryOwner, next: (memory: Memory) => Memory | undefined): Promise<Memory> {
      await ready();
      let counts: Memory = nothing;
      await appendBehind<MemoryRecord>({ ...records, tenant: owner.tenant }, subjectOf(owner), (last, tried) => {
        const before = memoryIn(last?.value);
        counts = before;
        // Stored without an answer: as good as having been told.
        if (tried !== undefined && JSON.stringify(last?.value) === JSON.stringify(tried)) return undefined;
        const after = next(before);
        if (after === undefined) return undefined;
        counts = checked(before, after);
        const n = last === undefined ? 1 : (last.value?.n ?? last.seq) + 1;
        return MemoryRecord.parse({ v: 1, kind: "memory", n, ...counts, ts: Date.now() });
      });
      return counts;
    },

    /** Nothing is left of it, also of what nobody can read any more. Returns whether there was something. */
    async forget(owner: MemoryOwner): Promise<boolean> {
      await ready();
      // First: so a record that is written in between has another key, and goes with the others.
      await deps.sealing?.shred(scopeOfUser(hashOf(owner)));
      return (await jsm.streams.purge(streams.memory, { filter: subjectOf(owner) })).purged > 0;
    },
  };
}

function memoryIn(record: MemoryRecord | undefined): Memory {
  return record === undefined ? nothing : { enabled: record.enabled, facts: record.facts };
}

/** One token of a subject, whatever the names hold, and nobody's name in what brokers log. */
function hashOf({ user, tenant }: MemoryOwner): string {
  const key = JSON.stringify([tenant ?? null, user]);
  return createHash("sha256").update(key).digest("base64url");
}

function subjectOf(owner: MemoryOwner): string {
  return subjects.memory(hashOf(owner));
}

function createRecords({ jsm, append, setUp, unreadable }: Omit<GateLogDeps, "link">, ready: () => Promise<void>) {
  const read = (message: FoundMessage | null): LastOne<MemoryRecord> | undefined => {
    if (message === null) return undefined;
    const value = MemoryRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  return {
    read,
    async append(message: Append): Promise<AppendResult> {
      const result = await append(message);
      if (result.kind === "absent") await setUp().catch(() => {});
      return result;
    },
    async last(subject: string): Promise<LastOne<MemoryRecord> | undefined> {
      await ready();
      return read(await jsm.streams.getMessage(streams.memory, { last_by_subj: subject }));
    },
  };
}

/** What is larger than it may be can still be made smaller. */
function checked(before: Memory, after: Memory): Memory {
  if (after.facts.length > limits.memoryFacts && after.facts.length > before.facts.length)
    throw new ChatError("CONFLICT", { message: noRoom });
  const bytes = jsonBytes(after);
  if (bytes > limits.memoryBytes && bytes > jsonBytes(before)) throw new ChatError("CONFLICT", { message: noRoom });
  return after;
}

const noRoom = `There is no room for more: at most ${limits.memoryFacts} facts are remembered of a user. Something has to be forgotten first.`;

import { createHash, randomBytes } from "node:crypto";
import {
  ErasureRecord,
  HoldRecord,
  LeaseRecord,
  SweepRecord,
  parseStored,
  streams,
  subjects,
  type ConversationId,
  type HeldThing,
} from "@parley/protocol";
import type { z } from "zod";
import { appendBehind, type LastOne } from "./append-behind.ts";
import { wrongLastSequence, type Append, type AppendResult } from "./appender.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { GateLogDeps } from "./gate-log.ts";
import { once } from "./once.ts";

export type PrivacyDeps = Omit<GateLogDeps, "link">;

/** Of what it is asked whether it is held. */
export interface Holdable {
  readonly tenant?: string | undefined;
  readonly users?: readonly string[];
  readonly conversation?: ConversationId | undefined;
}

export type PrivacyLog = ReturnType<typeof createPrivacyLog>;

/** Holds, and those who want to be forgotten: more than anybody lists. */
const mostListed = 100_000;

const idPrefixChars = "era_".length;
/** Of a SHA-256 in base64url. */
const hashChars = 43;

/** One token of a subject, whatever the name holds. */
function hashOf(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
}

/** Who is held, who wants to be forgotten and how far that is, and which process does the work. For edges. */
export function createPrivacyLog(deps: PrivacyDeps) {
  const ready = once(deps.setUp);
  const records = createRecords(deps, ready);
  return {
    /** Makes the stream where it is missing; once it is there, nothing. */
    setUp: ready,
    ...createHolds(deps, records),
    ...createErasures(records),
    ...createWork(deps, records),
  };
}

type Records = ReturnType<typeof createRecords>;

function createHolds({ jsm }: PrivacyDeps, records: Records) {
  const subjectOf = ({ kind, id }: HeldThing): string => subjects.hold(hashOf(kind, id));
  return {
    /** All that hold. Rejects when the broker does not answer. */
    holds: (): Promise<HoldRecord[]> => records.all(HoldRecord, subjects.hold("*")),

    /** Why something must not be deleted; undefined: nothing holds it. One exact look-up for each name. */
    async heldBy({ tenant, users = [], conversation }: Holdable): Promise<HoldRecord | undefined> {
      const things: HeldThing[] = [
        ...(tenant === undefined ? [] : [{ kind: "tenant" as const, id: tenant }]),
        ...users.map((id) => ({ kind: "user" as const, id })),
        ...(conversation === undefined ? [] : [{ kind: "conversation" as const, id: conversation }]),
      ];
      const found = await Promise.all(things.map((thing) => records.look(HoldRecord, subjectOf(thing))));
      return found.find((one) => one !== undefined);
    },

    /** Again changes nothing. Returns what holds now. */
    async hold(on: HeldThing, { by, reason }: Pick<HoldRecord, "by" | "reason">): Promise<HoldRecord> {
      const record: HoldRecord = { v: 1, kind: "hold", on, by, reason, since: Date.now() };
      return (
        (await records.change(HoldRecord, subjectOf(on), (last) => (last === undefined ? record : undefined))) ?? record
      );
    },

    /** Returns whether there was such a hold. */
    async lift(on: HeldThing): Promise<boolean> {
      const { purged } = await jsm.streams.purge(streams.privacy, { filter: subjectOf(on) });
      return purged > 0;
    },
  };
}

function createErasures(records: Records) {
  const subjectOf = (user: string): string => subjects.erasure(hashOf(user));
  return {
    /** Of a user; undefined: nobody has asked. */
    erasureOf: (user: string): Promise<ErasureRecord | undefined> => records.look(ErasureRecord, subjectOf(user)),

    /** A new one for a user: nobody guesses it, and by it the record is found without a look at the others. */
    erasureIdOf: (user: string): string => `era_${hashOf(user)}${randomBytes(18).toString("base64url")}`,

    /** By its id; undefined: there is none, or somebody has asked anew since it was done. */
    async erasureBy(id: string): Promise<ErasureRecord | undefined> {
      const record = await records.look(
        ErasureRecord,
        subjects.erasure(id.slice(idPrefixChars, idPrefixChars + hashChars)),
      );
      return record?.erasure_id === id ? record : undefined;
    },

    /** By which all erasures of a user are known: theirs, and that of an id. */
    erasureKey: {
      ofUser: (user: string): string => hashOf(user),
      ofId: (id: string): string => id.slice(idPrefixChars, idPrefixChars + hashChars),
    },

    /** All that there are, with receipts of those that are done. */
    erasures: (): Promise<ErasureRecord[]> => records.all(ErasureRecord, subjects.erasure("*")),

    /** Stores what `next` makes of what there is; undefined from it: it stays. Returns what counts then. */
    changeErasure: (
      user: string,
      next: (last: ErasureRecord | undefined) => ErasureRecord | undefined,
    ): Promise<ErasureRecord | undefined> => records.change(ErasureRecord, subjectOf(user), next),
  };
}

function createWork({ jsm }: PrivacyDeps, records: Records) {
  return {
    /** Who has the work, and the sequence of their last word. By the word of the leader. */
    leaseOf: (name: string): Promise<LastOne<LeaseRecord> | undefined> =>
      records.last(LeaseRecord, subjects.lease(name)),

    /** Takes or renews it, if nobody came in between. Returns the sequence of that; undefined: somebody did, or nobody can know. */
    async lease(name: string, holder: string, behind: LastOne<LeaseRecord> | undefined): Promise<number | undefined> {
      const n = (behind?.value?.n ?? 0) + 1;
      const record: LeaseRecord = { v: 1, kind: "lease", holder, n };
      const data = new TextEncoder().encode(JSON.stringify(record));
      const result = await records.append({ subject: subjects.lease(name), data, expect: behind?.seq ?? 0 });
      if (result.kind === "refused" && !wrongLastSequence.has(result.code)) throw new Error(result.description);
      return result.kind === "stored" ? result.seq : undefined;
    },

    /** Lets go of it, so that another one need not wait. */
    async release(name: string): Promise<void> {
      await jsm.streams.purge(streams.privacy, { filter: subjects.lease(name) });
    },

    sweepPlace: (): Promise<SweepRecord | undefined> => records.look(SweepRecord, subjects.sweep),
    changeSweep: (next: (last: SweepRecord | undefined) => SweepRecord | undefined): Promise<SweepRecord | undefined> =>
      records.change(SweepRecord, subjects.sweep, next),
  };
}

function createRecords({ jsm, append, setUp, unreadable }: PrivacyDeps, ready: () => Promise<void>) {
  const read = <T extends z.ZodType>(schema: T, message: FoundMessage): LastOne<z.infer<T>> => {
    const value = schema.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  const appendThere = async (message: Append): Promise<AppendResult> => {
    const result = await append(message);
    if (result.kind === "absent") await setUp().catch(() => {});
    return result;
  };
  const last = async <T extends z.ZodType>(schema: T, subject: string): Promise<LastOne<z.infer<T>> | undefined> => {
    await ready();
    const found = await jsm.streams.getMessage(streams.privacy, { last_by_subj: subject });
    return found === null ? undefined : read(schema, found);
  };
  return {
    last,
    append: appendThere,

    async look<T extends z.ZodType>(schema: T, subject: string): Promise<z.infer<T> | undefined> {
      await ready();
      const found = await jsm.lookUp(streams.privacy, { last_by_subj: subject });
      return found === null ? undefined : read(schema, found).value;
    },

    async all<T extends z.ZodType>(schema: T, pattern: string): Promise<z.infer<T>[]> {
      await ready();
      const found: z.infer<T>[] = [];
      for (let seq = 1; found.length < mostListed;) {
        const message = await jsm.lookUp(streams.privacy, { seq, next_by_subj: pattern });
        if (message === null) return found;
        seq = message.seq + 1;
        const { value } = read(schema, message);
        if (value !== undefined) found.push(value);
      }
      return found;
    },

    change: createChange(appendThere, last),
  };
}

type Last = <T extends z.ZodType>(schema: T, subject: string) => Promise<LastOne<z.infer<T>> | undefined>;

/** Stores what `next` makes of the record that counts, if anything; returns what counts then. */
function createChange(append: (message: Append) => Promise<AppendResult>, last: Last) {
  return async <T extends z.ZodType<object>>(
    schema: T,
    subject: string,
    next: (last: z.infer<T> | undefined) => z.infer<T> | undefined,
  ): Promise<z.infer<T> | undefined> => {
    let counts: z.infer<T> | undefined;
    const deps = { append, last: (of: string) => last(schema, of) };
    await appendBehind<z.infer<T>>(deps, subject, (found, tried) => {
      counts = found?.value;
      // Stored without an answer: as good as having been told.
      if (tried !== undefined && JSON.stringify(found?.value) === JSON.stringify(tried)) return undefined;
      const value = next(found?.value);
      counts = value ?? counts;
      return value;
    });
    return counts;
  };
}

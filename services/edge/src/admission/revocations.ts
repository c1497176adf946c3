import type { GateLog, RevokedThing } from "@parley/bus";
import { isRevocationOver, limits, type RevocationRecord } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import { createKnownRevocations, erasedName } from "./known-revocations.ts";

export interface RevocationsDeps {
  readonly gate: Pick<GateLog, "setUp" | "follow" | "put">;
  /** Something was revoked that was not before. */
  readonly onRevoked: () => void;
  readonly log: Logger;
  /** How often the broker is asked whether there is more. Default: 400 ms, so that all edges know within a second. */
  readonly everyMs?: number;
}

/** What is to be revoked. */
export interface RevocationOrder extends RevokedThing {
  /** Of a user: credentials that were issued up to then, ms since 1970. Default: now. */
  readonly beforeMs?: number | undefined;
  /** By then the last of these credentials has run out, ms since 1970. Default: in 366 days, the longest that a token is accepted. */
  readonly untilMs?: number | undefined;
  /** Who wants it. */
  readonly by: string;
  readonly reason?: string | undefined;
}

type Apply = (records: readonly RevocationRecord[]) => void;

export type Revocations = Awaited<ReturnType<typeof openRevocations>>;

const defaultEveryMs = 400;
/** A process that runs has asked since. */
const standstillMs = 1_000;
/** Who comes meanwhile waits for the answer, and no longer: while the broker is away what is known counts. */
const catchUpMs = 500;
/** Silence of the broker that a person should know of: some questions have failed. */
const lateMs = 5_000;

/** Asks the broker again and again what is new. Rejects never. */
function createFollowing({ gate, log, everyMs = defaultEveryMs }: RevocationsDeps, apply: Apply) {
  const follower = gate.follow();
  const stopping = new AbortController();
  /** When the last question was asked that was answered: the answer may be as old. */
  let knownMs = performance.now();
  const ageMs = (): number => performance.now() - knownMs;
  const ask = async (): Promise<boolean> => {
    const askedMs = performance.now();
    try {
      apply(await follower.next());
      knownMs = askedMs;
      return true;
    } catch (err) {
      log.warn({ err }, "what was revoked cannot be read: what is known goes on to count");
      await gate.setUp().catch(() => {});
      return false;
    }
  };
  let asking: Promise<boolean> | undefined;
  const look = (): Promise<boolean> => (asking ??= ask().finally(() => (asking = undefined)));
  /** A question that was asked before the standstill may be answered first. */
  const catchUp = async (): Promise<void> => {
    while (ageMs() > standstillMs && (await look()));
  };
  let catchingUp: Promise<void> | undefined;

  return {
    ageMs,
    /** Undefined: this process has not stood still. */
    caughtUp(): Promise<void> | undefined {
      if (ageMs() <= standstillMs) return undefined;
      catchingUp ??= Promise.race([catchUp(), sleep(catchUpMs)]).finally(() => (catchingUp = undefined));
      return catchingUp;
    },
    /** Resolves when all there is has been read. */
    async first(): Promise<void> {
      // Without the stream there would be no answer at all.
      await gate.setUp().catch((err: unknown) => log.warn({ err }, "the stream of revocations could not be made yet"));
      while (!(await look())) await sleep(everyMs);
    },
    async goOn(): Promise<void> {
      while (!stopping.signal.aborted) {
        await sleep(everyMs, stopping.signal);
        if (!stopping.signal.aborted) await look();
      }
    },
    close: (): void => stopping.abort(),
  };
}

/**
 * What is revoked, in memory, as the broker has it. Resolves when all of it has been read once: until then nobody is let in. While the broker is away what is
 * known goes on to count.
 */
export async function openRevocations(deps: RevocationsDeps) {
  const { gate, onRevoked } = deps;
  const known = createKnownRevocations();
  const apply: Apply = (records) => {
    const added = records.filter((record) => known.set(record));
    if (added.length > 0) onRevoked();
  };
  const following = createFollowing(deps, apply);
  await following.first();
  void following.goOn();
  const { ageMs, caughtUp, close } = following;
  return {
    isRevoked: known.isRevoked,
    list: known.list,
    size: known.size,
    /** How long ago the broker was asked with success. */
    ageMs,
    caughtUp,
    notes(): string[] {
      const silentS = Math.round(ageMs() / 1_000);
      if (ageMs() < lateMs) return [];
      return [`What was revoked in the last ${silentS} s may not be known here: the broker does not answer.`];
    },

    /**
     * Revokes on all edges, here at once. What was revoked already stays so, for the longer time of both. Throws OVERLOADED when that cannot be stored: then it may or may not be revoked.
     */
    async revoke(order: RevocationOrder): Promise<RevocationRecord> {
      const record = await gate.put(order, (last) => merged(recordOf(order), last), isRevocationOver);
      if (record === undefined) throw new Error("a revocation that was stored is not there");
      apply([record]);
      return record;
    },

    /** Takes a revocation back. Returns whether there was one. */
    async reinstate(thing: RevokedThing, by: Pick<RevocationOrder, "by" | "reason">): Promise<boolean> {
      let wasThere = false;
      const next = (last: RevocationRecord | undefined): RevocationRecord | undefined => {
        wasThere = last !== undefined && last.lifted === undefined;
        return last !== undefined && wasThere ? lifted(last, by) : undefined;
      };
      const record = await gate.put(thing, next, isRevocationOver);
      if (record !== undefined) known.set(record);
      return wasThere;
    },

    /** Keeps out somebody who is erased: what they came in with until then is bad. Later ones move the time in both directions. */
    async expel(userId: string, beforeMs: number): Promise<void> {
      const order = { what: "user", id: erasedName(userId), beforeMs, by: "erasure", reason: "erased" } as const;
      const record = await gate.put(order, () => recordOf(order), isRevocationOver);
      if (record !== undefined) apply([record]);
    },

    close,
  };
}

function lifted(
  { reason: _earlier, ...record }: RevocationRecord,
  { by, reason }: Pick<RevocationOrder, "by" | "reason">,
): RevocationRecord {
  return { ...record, lifted: true, by, ...(reason === undefined ? {} : { reason }), ts: Date.now() };
}

function recordOf({ what, id, user, beforeMs, untilMs, by, reason }: RevocationOrder): RevocationRecord {
  const ts = Date.now();
  return {
    v: 1,
    what,
    id,
    ...(user === undefined ? {} : { user }),
    ...(what === "user" ? { before_ms: beforeMs ?? ts } : {}),
    until_ms: untilMs ?? ts + limits.revocationMs,
    by,
    ...(reason === undefined ? {} : { reason }),
    ts,
  };
}

/** An edge whose clock is behind must not make good again what another one has revoked. */
function merged(record: RevocationRecord, last: RevocationRecord | undefined): RevocationRecord {
  if (last === undefined || last.lifted === true) return record;
  const until_ms = Math.max(record.until_ms, last.until_ms);
  if (record.before_ms === undefined) return { ...record, until_ms };
  return { ...record, until_ms, before_ms: Math.max(record.before_ms, last.before_ms ?? 0) };
}

import type { GateLog, RevokedThing } from "@parley/bus";
import { limits, revocable, type Caller, type Revocable, type RevocationRecord } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";

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

/** Whose credential somebody has, as far as revocations ask for it. */
export type Credentialed = Pick<Caller, "user" | "session" | "credential">;

export type Revocations = Awaited<ReturnType<typeof openRevocations>>;

const defaultEveryMs = 400;
/** Silence of the broker that a person should know of: some questions have failed. */
const lateMs = 5_000;
/** Clocks of edges differ: nothing is forgotten before all of them say so. */
const clockMarginMs = 24 * 60 * 60_000;

/**
 * What is revoked, in memory, as the broker has it. Resolves when all of it has been read once: until then nobody is let in. While the broker is away what is
 * known goes on to count.
 */
export async function openRevocations({ gate, onRevoked, log, everyMs = defaultEveryMs }: RevocationsDeps) {
  const known = createKnown();
  const follower = gate.follow();
  const stopping = new AbortController();
  let lookedMs = performance.now();

  const apply = (records: readonly RevocationRecord[]): void => {
    const added = records.filter((record) => known.set(record));
    if (added.length > 0) onRevoked();
  };
  const look = async (): Promise<boolean> => {
    try {
      apply(await follower.next());
      lookedMs = performance.now();
      return true;
    } catch (err) {
      log.warn({ err }, "what was revoked cannot be read: what is known goes on to count");
      await gate.setUp().catch(() => {});
      return false;
    }
  };
  const follow = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(everyMs, stopping.signal);
      if (!stopping.signal.aborted) await look();
    }
  };

  // Without the stream there would be no answer at all.
  await gate.setUp().catch((err: unknown) => log.warn({ err }, "the stream of revocations could not be made yet"));
  while (!(await look())) await sleep(everyMs);
  void follow();
  return {
    isRevoked: known.isRevoked,
    list: known.list,
    size: known.size,
    /** How long ago the broker was asked with success. */
    ageMs: (): number => performance.now() - lookedMs,
    notes(): string[] {
      const silentMs = performance.now() - lookedMs;
      if (silentMs < lateMs) return [];
      return [
        `What was revoked in the last ${Math.round(silentMs / 1_000)} s may not be known here: the broker does not answer.`,
      ];
    },

    /**
     * Revokes on all edges, here at once. What was revoked already stays so, for the longer time of both. Throws OVERLOADED when that cannot be stored: then it may or may not be revoked.
     */
    async revoke(order: RevocationOrder): Promise<RevocationRecord> {
      const record = await gate.put(order, (last) => merged(recordOf(order), last), isOver);
      if (record === undefined) throw new Error("a revocation that was stored is not there");
      apply([record]);
      return record;
    },

    /** Takes a revocation back. Returns whether there was one. */
    async reinstate(thing: RevokedThing, { by, reason }: Pick<RevocationOrder, "by" | "reason">): Promise<boolean> {
      let wasThere = false;
      const record = await gate.put(
        thing,
        (last) => {
          wasThere = last !== undefined && last.lifted === undefined;
          if (last === undefined || !wasThere) return undefined;
          const { reason: _old, ...rest } = last;
          return { ...rest, lifted: true, by, ...(reason === undefined ? {} : { reason }), ts: Date.now() };
        },
        isOver,
      );
      if (record !== undefined) known.set(record);
      return wasThere;
    },

    close: (): void => stopping.abort(),
  };
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

/** What nobody needs any more, wherever it is known. */
function isOver({ until_ms, lifted, ts }: RevocationRecord): boolean {
  return (lifted === true ? ts : until_ms) < Date.now() - clockMarginMs;
}

/** The same in memory, where it is asked for. */
function createKnown() {
  const byWhat: Record<Revocable, Map<string, RevocationRecord[]>> = {
    user: new Map(),
    session: new Map(),
    token: new Map(),
  };
  let size = 0;

  const all = (): RevocationRecord[] => revocable.flatMap((what) => [...byWhat[what].values()].flat());
  const drop = (record: RevocationRecord): void => {
    const records = byWhat[record.what].get(record.id) ?? [];
    const others = records.filter((one) => one.user !== record.user);
    size -= records.length - others.length;
    if (others.length === 0) byWhat[record.what].delete(record.id);
    else byWhat[record.what].set(record.id, others);
  };
  const makeRoom = (): void => {
    for (const record of all()) if (isOver(record)) drop(record);
    const [oldest] = all();
    // Only after the stream was lost with what is known here.
    if (size >= limits.revocations && oldest !== undefined) drop(oldest);
  };

  const isAmong = (what: Revocable, id: string | undefined, { user, credential }: Credentialed): boolean => {
    const records = id === undefined ? undefined : byWhat[what].get(id);
    if (records === undefined) return false;
    const nowMs = Date.now();
    return records.some((record) => {
      if (record.until_ms < nowMs - clockMarginMs) return false;
      if (record.user !== undefined && record.user !== user.id) return false;
      const issuedMs = credential?.issuedMs;
      // Of unknown age: as old as any.
      return record.before_ms === undefined || issuedMs === undefined || issuedMs <= record.before_ms;
    });
  };

  return {
    size: (): number => size,
    /** Those that hold, the newest first. */
    list: (): RevocationRecord[] => all().toSorted((one, other) => other.ts - one.ts),

    isRevoked(caller: Credentialed): boolean {
      if (size === 0) return false;
      const { user, session, credential } = caller;
      return (
        isAmong("user", user.id, caller) ||
        isAmong("session", session, caller) ||
        isAmong("token", credential?.id, caller) ||
        isAmong("token", credential?.hash, caller)
      );
    },

    /** Returns whether something is revoked now that was not before. */
    set(record: RevocationRecord): boolean {
      const before = byWhat[record.what].get(record.id)?.find(({ user }) => user === record.user);
      drop(record);
      if (record.lifted === true || isOver(record)) return false;
      if (size >= limits.revocations) makeRoom();
      byWhat[record.what].set(record.id, [...(byWhat[record.what].get(record.id) ?? []), record]);
      size++;
      return before === undefined || (record.before_ms ?? 0) > (before.before_ms ?? 0);
    },
  };
}

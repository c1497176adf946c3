import type { NextLimit, QuotaAccount, QuotaCounters, QuotaGrant, UsedUp } from "@parley/bus";
import { ChatError, nothingSpent, quotaSentence, type Spent } from "@parley/protocol";

/** So much of an answer is taken from the quotas at a time, before it is written; more while there is much left, so that many turns together still hold a part of it only. */
const leaseTokens = 128;
const largestLease = 1_024;
const shareOfRest = 64;
/** Whoever uses a lease up within this gets twice as much the next time: the answer of Redis takes its time too. */
const fastMs = 500;
const largestShareOfRest = 8;
/** An answer that is quicker than Redis says goes on for so long while there may be more, where the limit is near. */
const overdraftTokens = 128;

export function sumOf(one: Spent, other: Spent): Spent {
  return { tokens: one.tokens + other.tokens, micros: one.micros + other.micros };
}

function isBeyond(one: Spent, other: Spent): boolean {
  return one.tokens > other.tokens || one.micros > other.micros;
}

function whole({ tokens, micros }: Spent): Spent {
  return { tokens: Math.ceil(tokens), micros: Math.ceil(micros) };
}

function exceeded({ limit, untilMs }: UsedUp): ChatError {
  const retryAfterMs = Math.max(1_000, untilMs - Date.now());
  return new ChatError("QUOTA_EXCEEDED", { message: quotaSentence(limit, untilMs), retryAfterMs });
}

/** A request that is open, by estimate. */
export interface HeldRequest {
  /** Rejects with QUOTA_EXCEEDED. */
  readonly allowed: Promise<void>;
  /** Of the answer; false: no more of it is to be told. */
  wrote(tokens: number): boolean;
  /** Throws QUOTA_EXCEEDED. */
  check(): void;
  /** What it really has used. */
  ended(spent: Spent): void;
}

export interface TurnHoldDeps {
  readonly counters: Pick<QuotaCounters, "take">;
  readonly account: QuotaAccount;
  /** By earlier attempts. */
  readonly spent: Spent;
}

export type TurnHold = ReturnType<typeof createTurnHold>;

interface Open {
  used: Spent;
  readonly perToken: number;
}

/**
 * What a turn holds of the quotas of its user and tenant: what it has spent, what its open requests have by estimate, and a lease for what they will write next. It is
 * taken before it is spent, so turns that run at the same time anywhere never have more together than there is; where there is no more, an answer ends with what it
 * holds.
 */
export function createTurnHold({ counters, account, spent: before }: TurnHoldDeps) {
  const open = new Set<Open>();
  let done = before;
  let held = nothingSpent;
  let short: UsedUp | undefined;
  let asking: Promise<void> | undefined;
  let lease = leaseTokens;
  let next: NextLimit | undefined;
  let askedMs = -Infinity;

  const used = (): Spent => [...open].reduce((sum, one) => sumOf(sum, one.used), done);
  const leases = (): Spent =>
    [...open].reduce((sum, { perToken }) => sumOf(sum, { tokens: lease, micros: lease * perToken }), nothingSpent);
  const take = async (must: Spent, spent: Spent): Promise<QuotaGrant> => {
    const amounts = { spent: whole(spent), must: whole(must), want: whole(sumOf(must, leases())) };
    const grant = await counters.take(account, amounts);
    held = "granted" in grant ? grant.granted : amounts.spent;
    short = "granted" in grant ? grant.short : grant.refused;
    if ("granted" in grant) next = grant.next;
    return grant;
  };

  /** One after the other, as each says what the turn has in all. */
  const ask = (act: () => Promise<void>): Promise<void> => {
    const asked = (asking ?? Promise.resolve()).then(act);
    const settled = asked.catch(() => {}).finally(() => (asking = asking === settled ? undefined : asking));
    asking = settled;
    return asked;
  };
  const topUp = async (): Promise<void> => {
    const nowMs = performance.now();
    const rest = next?.tokens ?? 0;
    const wanted = nowMs - askedMs < fastMs ? Math.min(lease * 2, rest / largestShareOfRest) : rest / shareOfRest;
    lease = Math.round(Math.min(largestLease, Math.max(leaseTokens, wanted)));
    askedMs = nowMs;
    const now = used();
    await take(now, now);
  };
  const admit = async (request: Open, input: Spent): Promise<void> => {
    request.used = input;
    const before = used();
    open.add(request);
    const grant = await take(used(), before);
    if ("granted" in grant) return;
    open.delete(request);
    throw exceeded(grant.refused);
  };
  /** The limit that stands in the way of one more word. */
  const reached = (perToken: number): UsedUp | undefined => {
    const now = used();
    if (!isBeyond(now, held)) return undefined;
    if (short !== undefined || next?.limit === undefined) return short;
    // Redis has not answered yet.
    const rest = { tokens: held.tokens + next.tokens, micros: held.micros + next.micros };
    const overdraft = { tokens: overdraftTokens, micros: overdraftTokens * perToken };
    const isNear = isBeyond(sumOf(now, { tokens: largestLease, micros: largestLease * perToken }), rest);
    return isNear && isBeyond(now, sumOf(held, overdraft)) ? next.limit : undefined;
  };

  return {
    /** `perToken`: of money, for each token of the answer. */
    begin(input: Spent, perToken: number): HeldRequest {
      const request: Open = { used: input, perToken };
      return {
        allowed: ask(() => admit(request, input)),
        wrote(tokens) {
          request.used = sumOf(request.used, { tokens, micros: tokens * perToken });
          const half = { tokens: lease / 2, micros: (lease / 2) * perToken };
          if (asking === undefined && short === undefined && isBeyond(sumOf(used(), half), held))
            void ask(topUp).catch(() => {});
          return reached(perToken) === undefined;
        },
        check() {
          const limit = reached(perToken);
          if (limit !== undefined) throw exceeded(limit);
        },
        ended(spent) {
          if (!open.delete(request)) return;
          done = sumOf(done, spent);
          void ask(topUp).catch(() => {});
        },
      };
    },
    /** What was spent otherwise. */
    add(spent: Spent): void {
      done = sumOf(done, spent);
    },
    /** Resolves when nothing is being asked any more. */
    settled: async (): Promise<void> => asking,
  };
}

import type { QuotaAccount, QuotaCounters, QuotaGrant, UsedUp } from "@parley/bus";
import { ChatError, nothingSpent, quotaSentence, type Spent } from "@parley/protocol";

/** So much of an answer is taken from the quotas at a time, before it is written. */
const leaseTokens = 128;
const largestLease = 1_024;
/** Whoever uses a lease up faster gets a larger one: the answer of Redis takes its time too. */
const fastMs = 400;

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
  /** Of the answer. */
  wrote(tokens: number): void;
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
  let askedMs = -Infinity;

  const used = (): Spent => [...open].reduce((sum, one) => sumOf(sum, one.used), done);
  const leases = (): Spent =>
    [...open].reduce((sum, { perToken }) => sumOf(sum, { tokens: lease, micros: lease * perToken }), nothingSpent);
  const take = async (must: Spent, spent: Spent): Promise<QuotaGrant> => {
    const amounts = { spent: whole(spent), must: whole(must), want: whole(sumOf(must, leases())) };
    const grant = await counters.take(account, amounts);
    held = "granted" in grant ? grant.granted : amounts.spent;
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
    lease = nowMs - askedMs < fastMs ? Math.min(largestLease, lease * 2) : leaseTokens;
    askedMs = nowMs;
    const now = used();
    const grant = await take(now, now);
    short = "refused" in grant ? grant.refused : grant.short;
  };
  const admit = async (request: Open, input: Spent): Promise<void> => {
    request.used = input;
    const before = used();
    open.add(request);
    const grant = await take(used(), before);
    if ("granted" in grant) return void (short = grant.short);
    open.delete(request);
    throw exceeded(grant.refused);
  };

  return {
    /** `perToken`: of money, for each token of the answer. */
    begin(input: Spent, perToken: number): HeldRequest {
      const request: Open = { used: input, perToken };
      return {
        allowed: ask(() => admit(request, input)),
        wrote(tokens) {
          request.used = sumOf(request.used, { tokens, micros: tokens * perToken });
          if (asking !== undefined || short !== undefined) return;
          const half = { tokens: lease / 2, micros: (lease / 2) * perToken };
          if (isBeyond(sumOf(used(), half), held)) void ask(topUp).catch(() => {});
        },
        check() {
          if (short !== undefined && isBeyond(used(), held)) throw exceeded(short);
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

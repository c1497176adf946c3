import type { QuotaAccount, QuotaCounters, QuotaGrant, UsedUp } from "@parley/bus";
import { ChatError, nothingSpent, quotaSentence, tooLittleSentence, type Spent } from "@parley/protocol";
import type { RequestLimit } from "../model/model.ts";

/** So much of an answer is taken from the quotas at a time, before it is written; more while there is much left, so that many turns together still hold a part of it only. */
const leaseTokens = 128;
const largestLease = 1_024;
const shareOfRest = 64;
/** Whoever uses a lease up within this gets twice as much the next time: the answer of Redis takes its time too. */
const fastMs = 500;
const largestShareOfRest = 8;

function sumOf(one: Spent, other: Spent): Spent {
  return { tokens: one.tokens + other.tokens, micros: one.micros + other.micros };
}

function isBeyond(one: Spent, other: Spent): boolean {
  return one.tokens > other.tokens || one.micros > other.micros;
}

function least(one: Spent, other: Spent): Spent {
  return { tokens: Math.min(one.tokens, other.tokens), micros: Math.min(one.micros, other.micros) };
}

function whole({ tokens, micros }: Spent): Spent {
  return { tokens: Math.ceil(tokens), micros: Math.ceil(micros) };
}

/** `needed`: by a request of which not even the question has room. */
function exceeded({ limit, untilMs, left = 0 }: UsedUp, needed: Spent = nothingSpent): ChatError {
  const retryAfterMs = Math.max(1_000, untilMs - Date.now());
  const short = { left, needed: Math.ceil(limit.name.startsWith("tokens") ? needed.tokens : needed.micros), untilMs };
  const message = left > 0 && short.needed > left ? tooLittleSentence(limit, short) : quotaSentence(limit, untilMs);
  return new ChatError("QUOTA_EXCEEDED", { message, retryAfterMs });
}

/** A request that is open, by estimate. */
export interface HeldRequest extends Omit<RequestLimit, "count" | "counted"> {
  /** Of the answer; less than nothing: it was less than was estimated. */
  wrote(tokens: number): void;
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

type Books = ReturnType<typeof createBooks>;

interface Open {
  used: Spent;
  readonly perToken: number;
}

/** What is spent, held and asked for. */
function createBooks({ counters, account, spent: before }: TurnHoldDeps) {
  const open = new Set<Open>();
  let done = before;
  let held = nothingSpent;
  let short: UsedUp | undefined;
  let asking: Promise<void> | undefined;
  let [lease, rest, askedMs] = [leaseTokens, 0, -Infinity];

  const used = (): Spent => [...open].reduce((sum, one) => sumOf(sum, one.used), done);
  const leases = (): Spent =>
    [...open].reduce((sum, { perToken }) => sumOf(sum, { tokens: lease, micros: lease * perToken }), nothingSpent);
  /** Takes `must` and leases; what is `spent` counts whatever comes of it. */
  const take = async (must: Spent, spent: Spent): Promise<QuotaGrant> => {
    const amounts = { spent: whole(spent), must: whole(must), want: whole(sumOf(must, leases())) };
    const grant = await counters.take(account, amounts);
    held = "granted" in grant ? grant.granted : least(held, amounts.spent);
    short = "granted" in grant ? grant.short : grant.refused;
    if ("granted" in grant) rest = grant.next.tokens;
    return grant;
  };
  /** One after the other, as each says what the turn has in all. */
  const ask = (act: () => Promise<void>): Promise<void> => {
    const asked = (asking ?? Promise.resolve()).then(act);
    const settled = asked
      .catch(() => {})
      .finally(() => {
        if (asking === settled) asking = undefined;
      });
    asking = settled;
    return asked;
  };
  const topUp = async (): Promise<void> => {
    const nowMs = performance.now();
    const wanted = nowMs - askedMs < fastMs ? Math.min(lease * 2, rest / largestShareOfRest) : rest / shareOfRest;
    lease = Math.round(Math.min(largestLease, Math.max(leaseTokens, wanted)));
    askedMs = nowMs;
    // Of what came before there was room for it only so much may be told as there is; when all is over all of it counts.
    const must = open.size === 0 ? used() : least(used(), held);
    await take(must, used());
  };

  return {
    open,
    used,
    take,
    ask,
    topUp: (): Promise<void> => asking ?? ask(topUp),
    topUpSoon: (): void => void ask(topUp).catch(() => {}),
    held: (): Spent => held,
    lease: (): number => lease,
    isAsking: (): boolean => asking !== undefined,
    short: (): UsedUp | undefined => short,
    spend: (spent: Spent): void => void (done = sumOf(done, spent)),
  };
}

/** `perToken`: of money, for each token of the answer. */
function createHeldRequest(books: Books, input: Spent, perToken: number): HeldRequest {
  const { open, used, take, ask, topUp, topUpSoon, held, lease, isAsking, short } = books;
  const request: Open = { used: input, perToken };
  let output = 0;
  let isOver = false;

  const admit = async (): Promise<void> => {
    // Whoever was to be asked was given up meanwhile.
    if (isOver) return;
    const before = used();
    open.add(request);
    const grant = await take(used(), before);
    if ("granted" in grant) return;
    open.delete(request);
    throw exceeded(grant.refused, input);
  };
  return {
    allowed: ask(admit),
    wrote(tokens) {
      output += tokens;
      request.used = sumOf(request.used, { tokens, micros: tokens * perToken });
      const half = { tokens: lease() / 2, micros: (lease() / 2) * perToken };
      if (!isAsking() && short() === undefined && isBeyond(sumOf(used(), half), held())) topUpSoon();
    },
    room() {
      const [all, mine] = [used(), held()];
      const money = perToken > 0 ? (mine.micros - all.micros) / perToken : Infinity;
      return output + Math.min(mine.tokens - all.tokens, money);
    },
    exceeded() {
      const limit = short();
      return limit !== undefined && isBeyond(used(), held()) ? exceeded(limit) : undefined;
    },
    decided: topUp,
    ended(spent) {
      isOver = true;
      if (!open.delete(request)) return;
      books.spend(spent);
      topUpSoon();
    },
  };
}

/**
 * What a turn holds of the quotas of its user and tenant: what it has spent, what its open requests have by estimate, and a lease for what they will write next. It is
 * taken before it is spent, so turns that run at the same time anywhere never have more together than there is; where there is no more, an answer ends with what it
 * holds.
 */
export function createTurnHold(deps: TurnHoldDeps) {
  const books = createBooks(deps);
  return {
    begin: (input: Spent, perToken: number): HeldRequest => createHeldRequest(books, input, perToken),
    /** What was spent otherwise. */
    add: books.spend,
  };
}

import type { OpenTurns, QuotaCounters } from "@parley/bus";
import { ChatError, type Caller, type LimitName, type Limits, type Quotas, type RateName } from "@parley/protocol";
import { randomBytes } from "node:crypto";
import type { Redis } from "../commands/conversations/conversation-index.ts";
import { createUsageReading } from "../commands/usage.ts";
import type { Addresses, Whence } from "./address.ts";
import type { Gate } from "./gate.ts";
import { createAcceptLimit } from "./limit-accept.ts";
import { createFrameLimits } from "./limit-frames.ts";
import { createSharedRates, type SharedRates } from "./limit-rates.ts";
import { createLimitRefusals, tooFast, type From, type LimitRefusals } from "./limit-refusals.ts";
import { createQuotaLimit } from "./limit-quota.ts";
import { createSocketLimits } from "./limit-sockets.ts";
import { createConversationQuota, createTurnLimits, type TurnLimitsDeps } from "./limit-turns.ts";
import { createUploadLimits } from "./limit-uploads.ts";
import { createOverload, type OverloadDeps } from "./overload.ts";

export interface LimiterDeps
  extends Pick<TurnLimitsDeps, "hasEnded" | "logSizes">, Pick<OverloadDeps, "queueAge" | "lag"> {
  readonly addresses: Addresses;
  /** In the role `cache`; undefined: this edge counts for itself. */
  readonly redis: Redis | undefined;
  /** How long a message waits for the word of Redis. */
  readonly deadlineMs: number;
  readonly openTurns: OpenTurns;
  /** What they may use of models, as it is now. */
  readonly quotas: () => Quotas;
  /** Undefined: there is no Redis here. */
  readonly quotaCounters: QuotaCounters | undefined;
  /** The limits as they are now. */
  readonly current: () => Limits;
  readonly gate: Pick<Gate, "note" | "blockedUntil">;
  readonly counters: { readonly limited: Map<LimitName, number> };
}

export type Limiter = ReturnType<typeof createLimiter>;

/** What callers may cost, checked at the edge: for connections, requests, frames and messages. */
export function createLimiter(deps: LimiterDeps) {
  const { addresses, redis, current, gate, counters } = deps;
  const refusals = createLimitRefusals({ gate, counters });
  const rates = createSharedRates({ redis, current, deadlineMs: deps.deadlineMs });
  const overload = createOverload(deps);
  const edge = randomBytes(9).toString("base64url");
  const sockets = createSocketLimits({ redis, edge, current, refusals });
  const accepting = createAcceptLimit({ addresses, current, refusals });
  const blocked = createBlocked(gate);

  return {
    addresses,
    accepts: accepting.accepts,
    sockets,
    frame: createFrameLimits({ current, refusals }),
    messages: createTurnLimits({
      ...deps,
      checkQuota: createQuotaLimit({ ...deps, counters: deps.quotaCounters }),
      rates,
      overload,
      refusals,
    }),
    usage: createUsageReading({ counters: deps.quotaCounters, quotas: deps.quotas }),
    conversations: createConversationQuota({ rates, refusals }),
    uploads: createUploadLimits({ current, rates, refusals }),
    subscriptions: createSubscriptionLimit(current, refusals),

    /** Why no socket is opened; undefined: it may be. Nothing is waited for. */
    connecting(whence: Whence): ChatError | undefined {
      const { address, isExempt } = whence;
      if (isExempt) return undefined;
      const shed = overload.connection();
      if (shed !== undefined) return refusals.overloaded(shed);
      const waitMs = rates.take("new_connections_per_address", address);
      if (waitMs === 0) return sockets.refusal(whence);
      refusals.note("new_connections_per_address", { address }, "limit of an address");
      return tooFast(waitMs);
    },

    ...createRequestLimits({ rates, refusals, blocked }),

    /** Throws BLOCKED. */
    blocked,

    /** Once a second. */
    sweep(nowMs: number): void {
      overload.sweep();
      accepting.sweep();
      sockets.sweep(nowMs);
    },
    stats: () => ({ ...overload.stats(), ...sockets.stats() }),
    close(): void {
      rates.close();
      sockets.close();
    },
  };
}

interface RequestLimitsDeps {
  readonly rates: SharedRates;
  readonly refusals: LimitRefusals;
  readonly blocked: ReturnType<typeof createBlocked>;
}

/** So much of a body is in the price of a request. */
const requestBodyBytes = 32 * 1024;

function createRequestLimits({ rates, refusals, blocked }: RequestLimitsDeps) {
  const take = (limit: RateName, key: string, from: From, count = 1): void => {
    const waitMs = rates.take(limit, key, count);
    if (waitMs === 0) return;
    refusals.note(limit, from, from.userId === undefined ? "limit of an address" : "rate limit");
    throw tooFast(waitMs);
  };
  return {
    /** Throws BLOCKED or RATE_LIMITED: for a request, before anybody looks at its token. */
    requesting(whence: Whence): void {
      const { address, isExempt } = whence;
      blocked(whence);
      if (!isExempt) take("requests_per_address", address, { address });
    },

    /** Throws RATE_LIMITED: when it is known whose request it is. */
    requestOf({ user }: Caller, { address, isExempt }: Whence): void {
      if (!isExempt) take("requests_per_user", user.id, { address, userId: user.id });
    },

    /** The same for what comes with it, before it is read: what costs as much as several requests counts as several. */
    bodyOf({ user }: Caller, { address, isExempt }: Whence, bytes: number): void {
      const count = Math.floor(bytes / requestBodyBytes);
      if (!isExempt && count > 0) take("requests_per_user", user.id, { address, userId: user.id }, count);
    },
  };
}

function createBlocked(gate: Pick<Gate, "blockedUntil">) {
  return ({ address, claims = [] }: Whence): void => {
    const ends = [address, ...claims].map((one) => gate.blockedUntil(one) ?? 0);
    const untilMs = Math.max(...ends);
    if (untilMs === 0) return;
    throw new ChatError("BLOCKED", { retryAfterMs: Math.max(1_000, untilMs - Date.now()) });
  };
}

/** How many conversations a socket may look at; counted where one is over it. */
function createSubscriptionLimit(current: () => Limits, refusals: LimitRefusals) {
  return {
    most: (): number => current().subscriptions_per_socket,
    refused: (): void => refusals.count("subscriptions_per_socket"),
  };
}

import { createLogSizes, createOpenTurns, createQuotaCounters, createUsageSums, type Bus } from "@parley/bus";
import { Limits, isTerminal, noQuotas, subjects, type Quotas } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { createAddresses, loopback, type ProxyRules } from "./admission/address.ts";
import { openGate, type Gate } from "./admission/gate.ts";
import { createLimiter, type Limiter } from "./admission/limits.ts";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import type { Counters } from "./figures/metrics.ts";

export interface LimiterOptions {
  readonly bus: Bus;
  /** In the role `cache`; without it each edge counts for itself. */
  readonly redis?: Redis;
  /** Default: one that keeps nobody out. */
  readonly gate?: Gate;
  /** Which proxies are believed, and to whom no limit applies. Default: none, and whoever is on this machine. */
  readonly whence?: ProxyRules;
  /** What callers may cost, now. Default: the table. */
  readonly callerLimits?: () => Limits;
  /** What they may use of models, now. Default: nothing is limited. */
  readonly callerQuotas?: () => Quotas;
  /** By how much this process is late, ms. Default: measured. */
  readonly lag?: () => number;
  /** How long a message waits for the word of Redis. Default: 100 ms. */
  readonly redisDeadlineMs?: number;
  readonly log: Logger;
}

const machineOnly: ProxyRules = { trusted: [], exempt: loopback };
const standardLimits = Limits.parse({});

/** What callers may cost at an edge, and who is kept out. */
export function openLimiter(options: LimiterOptions, { limited }: Pick<Counters, "limited">): Limiter {
  const { bus, redis, gate = openGate, whence = machineOnly, callerLimits = () => standardLimits } = options;
  const { callerQuotas: quotas = () => noQuotas } = options;
  const { redisDeadlineMs: deadlineMs = 100, lag, log } = options;
  return createLimiter({
    addresses: createAddresses(whence, (peer) =>
      log.warn(
        { peer },
        "X-Forwarded-For is not believed of this address: if it is your proxy, name it in TRUSTED_PROXIES, or all its clients count as one",
      ),
    ),
    redis,
    deadlineMs,
    openTurns: createOpenTurns({ redis, deadlineMs }),
    logSizes: redis === undefined ? undefined : createLogSizes(redis),
    current: callerLimits,
    quotas,
    quotaCounters:
      redis && createQuotaCounters({ redis, deadlineMs, sums: createUsageSums(bus.usage, () => quotas().currency) }),
    gate,
    counters: { limited },
    queueAge: bus.turns.oldestWaitMs,
    ...(lag === undefined ? {} : { lag }),
    async hasEnded({ conversation, turn }) {
      const last = await bus.events.last(subjects.agent(bus.events.shardOf(conversation), conversation, turn));
      if (last !== undefined) return isTerminal(last.event.type);
      // Not begun, and not queued: the broker went away while it was accepted, or all of it is forgotten.
      return !(await bus.turns.waiting(conversation)).some(({ request }) => request.turn_id === turn);
    },
  });
}

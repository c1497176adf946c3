import { answeredWithin, type QuotaCounters, type UsedPeriod } from "@parley/bus";
import {
  ChatError,
  demand,
  isUsageKept,
  quotasOf,
  type Caller,
  type May,
  type QuotaLimit,
  type Quotas,
} from "@parley/protocol";

/** What was used in a period, and what may be. Money in millionths of the currency. */
export interface PeriodUsage {
  readonly of: "user" | "tenant";
  readonly period: string;
  readonly starts_at: number;
  readonly resets_at: number;
  readonly tokens: number;
  readonly tokens_limit?: number;
  readonly cost_micros: number;
  readonly cost_limit_micros?: number;
}

export interface UsageAnswer {
  /** Whether it is counted here. */
  readonly kept: boolean;
  readonly currency: string;
  readonly periods: readonly PeriodUsage[];
}

export interface UsageReadingDeps {
  /** Undefined: there is no Redis here. */
  readonly counters: Pick<QuotaCounters, "used"> | undefined;
  readonly quotas: () => Quotas;
}

export type UsageReading = ReturnType<typeof createUsageReading>;

/** Counters that Redis has lost are made again meanwhile. */
const answerMs = 10_000;

function limitIn(limits: readonly QuotaLimit[], { of, period }: UsedPeriod, unit: QuotaLimit["unit"]) {
  return limits.find((one) => one.of === of && one.period === period && one.unit === unit)?.limit;
}

function shown(used: UsedPeriod, limits: readonly QuotaLimit[]): PeriodUsage {
  const [tokens, cost] = [limitIn(limits, used, "tokens"), limitIn(limits, used, "money")];
  return {
    ...{ of: used.of, period: used.period, starts_at: used.fromMs, resets_at: used.untilMs },
    tokens: used.used.tokens,
    ...(tokens === undefined ? {} : { tokens_limit: tokens }),
    cost_micros: used.used.micros,
    ...(cost === undefined ? {} : { cost_limit_micros: cost }),
  };
}

interface Holder {
  readonly user: string;
  readonly tenant?: string | undefined;
  readonly roles: readonly string[];
}

/** What was used in the periods of now. */
export function createUsageReading({ counters, quotas }: UsageReadingDeps) {
  /** Throws OVERLOADED while it cannot be told. */
  const of = async (holder: Holder, wanted: "user" | "tenant"): Promise<UsageAnswer> => {
    const current = quotas();
    const { currency } = current;
    if (counters === undefined || !isUsageKept(current)) return { kept: false, currency, periods: [] };
    const limits = quotasOf(current, holder);
    const asked = counters.used({ ...holder, atMs: Date.now(), limits });
    const used = await answeredWithin(asked, answerMs).catch((cause: unknown) => {
      const message = "What was used cannot be told at the moment. Try again shortly.";
      throw new ChatError("OVERLOADED", { message, retryAfterMs: 2_000, cause });
    });
    const periods = used.filter((one) => one.of === wanted).map((one) => shown(one, limits));
    return { kept: true, currency, periods };
  };

  return {
    /** Their own. Throws FORBIDDEN. */
    async ofCaller({ may, caller }: { readonly may: May; readonly caller: Caller }): Promise<UsageAnswer> {
      const { user, tenant, roles } = caller;
      demand(may(caller, "usage:read", { kind: "user", id: user.id }));
      return of({ user: user.id, tenant, roles }, "user");
    },

    /** Whether something of the caller's own is limited. Asks nobody. */
    isLimited: ({ user, tenant, roles }: Caller): boolean =>
      counters !== undefined &&
      quotasOf(quotas(), { user: user.id, tenant, roles }).some((limit) => limit.of === "user"),

    /** What is limited of their own, and how much of it is used. Throws OVERLOADED. */
    async left({
      user,
      tenant,
      roles,
    }: Caller): Promise<{ readonly currency: string; readonly periods: PeriodUsage[] }> {
      const { currency, periods } = await of({ user: user.id, tenant, roles }, "user");
      const isLimited = (one: PeriodUsage): boolean => (one.tokens_limit ?? one.cost_limit_micros) !== undefined;
      return { currency, periods: periods.filter(isLimited) };
    },

    /** For who looks after the deployment; the limits are those of everybody, whatever roles a user has. */
    ofUser: (user: string): Promise<UsageAnswer> => of({ user, roles: [] }, "user"),
    ofTenant: (tenant: string): Promise<UsageAnswer> => of({ user: "", tenant, roles: [] }, "tenant"),
  };
}

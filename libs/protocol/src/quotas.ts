import { z } from "zod";

/** What callers may use within a period, in tokens and in money: `quotas` of `config/limits.yaml`. Nothing there: nothing is counted. */

const most = 1_000_000_000_000;

/** Calendar periods, by UTC. */
export const quotaPeriods = ["hour", "day", "month"] as const;
export type QuotaPeriod = (typeof quotaPeriods)[number];

function windows(amount: z.ZodNumber) {
  const Amount = amount.positive().max(most);
  return z
    .strictObject({ per_hour: Amount.optional(), per_day: Amount.optional(), per_month: Amount.optional() })
    .refine((given) => Object.values(given).some((one) => one !== undefined), {
      error: "must have per_hour, per_day or per_month",
    });
}

const Tokens = windows(z.int());
const Money = windows(z.number());

export const quotaNames = ["tokens_per_user", "money_per_user", "tokens_per_tenant", "money_per_tenant"] as const;
export type QuotaName = (typeof quotaNames)[number];

/** A role's own amount of what a user may use; the largest of those that a caller's roles give counts. */
const RoleQuotas = z.strictObject({
  tokens_per_user: z.union([z.literal("unlimited"), Tokens]).optional(),
  money_per_user: z.union([z.literal("unlimited"), Money]).optional(),
});
type RoleQuotas = z.infer<typeof RoleQuotas>;

export const Quotas = z.strictObject({
  tokens_per_user: Tokens.optional(),
  money_per_user: Money.optional(),
  tokens_per_tenant: Tokens.optional(),
  money_per_tenant: Money.optional(),
  /** Of the amounts of money. What a model costs in another currency is not counted in them. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "must be a currency of three capital letters")
    .default("USD"),
  roles: z.record(z.string().min(1).max(64), RoleQuotas).default({}),
  /** Keeps what each turn used although nothing is limited. */
  record: z.boolean().default(false),
});
export type Quotas = z.infer<typeof Quotas>;

export const noQuotas: Quotas = Quotas.parse({});

type QuotaUnit = "tokens" | "money";

interface QuotaRow {
  readonly unit: QuotaUnit;
  readonly of: "user" | "tenant";
  /** Why there is such a limit. */
  readonly reason: string;
  /** What whoever is over it gets. */
  readonly answer: string;
  /** The test that reaches it from outside. */
  readonly test: string;
}

const parallelTest = "services/agent-worker/test/usage/quotas.int.test.ts";
const stopped =
  "`QUOTA_EXCEEDED` with `retry_after_ms`: a new message before it is queued, a running answer within 200 tokens, with what was said kept";

/** The table of quotas; `docs/limits.md` is made of it. */
export const quotaTable = {
  tokens_per_user: {
    unit: "tokens",
    of: "user",
    reason:
      "One person, or a program with their token, must not use up what all are to share. Tokens read and written count alike.",
    answer: stopped,
    test: parallelTest,
  },
  money_per_user: {
    unit: "money",
    of: "user",
    reason: "The same in money, where models differ in what they cost; by the prices of `config/models.yaml`.",
    answer: stopped,
    test: parallelTest,
  },
  tokens_per_tenant: {
    unit: "tokens",
    of: "tenant",
    reason: "What an organisation has been promised, however many people it has.",
    answer: stopped,
    test: parallelTest,
  },
  money_per_tenant: {
    unit: "money",
    of: "tenant",
    reason: "The bill of an organisation ends where its budget does.",
    answer: stopped,
    test: parallelTest,
  },
} as const satisfies Record<QuotaName, QuotaRow>;

/** One limit that holds for a caller. Money is in millionths of the currency. */
export interface QuotaLimit {
  readonly name: QuotaName;
  readonly unit: QuotaUnit;
  readonly of: "user" | "tenant";
  readonly period: QuotaPeriod;
  readonly limit: number;
}

/** Whose quotas they are. */
export interface QuotaHolder {
  readonly user: string;
  readonly tenant?: string | undefined;
  readonly roles: readonly string[];
}

const fieldOf = { hour: "per_hour", day: "per_day", month: "per_month" } as const;
const micros = 1_000_000;

/** What holds for somebody, by the most generous of their roles. None: nothing is counted for them. */
export function quotasOf(quotas: Quotas, holder: QuotaHolder): QuotaLimit[] {
  return quotaNames.flatMap((name) => {
    const { unit, of } = quotaTable[name];
    if (of === "tenant" && holder.tenant === undefined) return [];
    return quotaPeriods.flatMap((period): QuotaLimit[] => {
      const amount = amountOf(quotas, { name, period, roles: of === "user" ? holder.roles : [] });
      if (amount === undefined) return [];
      return [{ name, unit, of, period, limit: unit === "money" ? Math.floor(amount * micros) : amount }];
    });
  });
}

interface Wanted {
  readonly name: QuotaName;
  readonly period: QuotaPeriod;
  readonly roles: readonly string[];
}

/** Undefined: without a limit. */
function amountOf(quotas: Quotas, { name, period, roles }: Wanted): number | undefined {
  const own = roles.flatMap((role) => (Object.hasOwn(quotas.roles, role) ? givenBy(quotas.roles[role], name) : []));
  if (own.includes("unlimited")) return undefined;
  const amounts = own.flatMap((one) => (typeof one === "object" ? [one[fieldOf[period]]] : []));
  // A role that names the quota and not this period takes the limit of the period away.
  if (amounts.length > 0) return amounts.includes(undefined) ? undefined : Math.max(...amounts.map(Number));
  return quotas[name]?.[fieldOf[period]];
}

function givenBy(role: RoleQuotas | undefined, name: QuotaName) {
  const given = name === "tokens_per_user" || name === "money_per_user" ? role?.[name] : undefined;
  return given === undefined ? [] : [given];
}

/** Whether what turns use is kept: something is limited, or somebody wants to know. */
export function isUsageKept({ record, roles, ...quotas }: Quotas): boolean {
  return record || quotaNames.some((name) => quotas[name] !== undefined) || Object.keys(roles).length > 0;
}

export interface PeriodSpan {
  /** `2026-11`, `2026-11-30`, `2026-11-30T14`: one for each calendar period. */
  readonly key: string;
  readonly fromMs: number;
  /** When the next one begins. */
  readonly untilMs: number;
}

/** The period in which a moment lies. */
export function periodOf(period: QuotaPeriod, ms: number): PeriodSpan {
  const at = new Date(ms);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  const iso = at.toISOString();
  switch (period) {
    case "hour": {
      const fromMs = Math.floor(ms / 3_600_000) * 3_600_000;
      return { key: iso.slice(0, 13), fromMs, untilMs: fromMs + 3_600_000 };
    }
    case "day":
      return { key: iso.slice(0, 10), fromMs: Date.UTC(year, month, day), untilMs: Date.UTC(year, month, day + 1) };
    case "month":
      return { key: iso.slice(0, 7), fromMs: Date.UTC(year, month), untilMs: Date.UTC(year, month + 1) };
  }
}

const named: Readonly<Record<QuotaName, string>> = {
  tokens_per_user: "Your tokens",
  money_per_user: "Your budget",
  tokens_per_tenant: "The tokens of your organisation",
  money_per_tenant: "The budget of your organisation",
};
const spans: Readonly<Record<QuotaPeriod, string>> = { hour: "this hour", day: "today", month: "this month" };

type SaidOf = Pick<QuotaLimit, "name" | "period">;

function moreFrom(untilMs: number): string {
  return `There is more from ${new Date(untilMs).toISOString().slice(0, 16).replace("T", " ")} UTC on.`;
}

/** What people read. */
export function quotaSentence({ name, period }: SaidOf, untilMs: number): string {
  const verb = name.startsWith("tokens") ? "are" : "is";
  return `${named[name]} for ${spans[period]} ${verb} used up. ${moreFrom(untilMs)}`;
}

/** The same where something is left, and a question takes more by estimate. In tokens or millionths of the currency, which only tokens are told in. */
export function tooLittleSentence(
  { name, period }: SaidOf,
  { left, needed, untilMs }: { readonly left: number; readonly needed: number; readonly untilMs: number },
): string {
  const what = named[name];
  const why = name.startsWith("tokens")
    ? `${what} for ${spans[period]} are not enough for this question: ${left} are left, and it takes about ${needed}.`
    : `${what} for ${spans[period]} is not enough for this question: it costs more than what is left.`;
  return `${why} ${moreFrom(untilMs)} A shorter question, or a new conversation, takes less.`;
}

import type { UsageLog } from "@parley/bus";
import type { UsageRecord } from "@parley/protocol";
import { AdminRefusal } from "@parley/runtime";
import { z } from "zod";
import type { UsageReading } from "../commands/usage.ts";

/** What turns have used, for whoever pays. */

const maxPage = 1_000;
const text = z.string().trim().min(1).max(256);
const ms = z.coerce.number().int().min(0);

const HolderQuery = z.strictObject({ user: text.optional(), tenant: text.optional() });
const RecordsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(maxPage).default(500),
  /** `next` of the page before. */
  after: z.coerce.number().int().min(1).optional(),
  /** ms since 1970, by when a turn ended. */
  since_ms: ms.optional(),
  until_ms: ms.optional(),
  user: text.optional(),
  tenant: text.optional(),
});

/** Of one user or one tenant. Throws ZodError, and what the brokers answer. */
export async function usageOf(usage: UsageReading, query: URLSearchParams): Promise<object> {
  const { user, tenant } = HolderQuery.parse(Object.fromEntries(query));
  if ((user === undefined) === (tenant === undefined)) throw new AdminRefusal(400, "Name a user or a tenant.");
  return tenant === undefined ? usage.ofUser(user ?? "") : usage.ofTenant(tenant);
}

/** Oldest first. Throws ZodError, and what the broker answers. */
export async function usageRecords(log: Pick<UsageLog, "page">, query: URLSearchParams): Promise<object> {
  const wanted = RecordsQuery.parse(Object.fromEntries(query));
  const { limit, after, since_ms: sinceMs, until_ms: untilMs, user, tenant } = wanted;
  const matches = (record: UsageRecord): boolean =>
    (user === undefined || record.user === user) && (tenant === undefined || record.tenant === tenant);
  const { records, next } = await log.page({ limit, after, sinceMs, untilMs, matches });
  return { records: records.map(shown), ...(next === undefined ? {} : { next }) };
}

function shown({ v: _v, kind: _kind, at, ended_at, usage, ...record }: UsageRecord): object {
  const { input_tokens, output_tokens, cached_tokens, estimated = false, cost } = usage;
  return {
    at: new Date(at).toISOString(),
    ended_at: new Date(ended_at).toISOString(),
    ...record,
    ...{ input_tokens, output_tokens, cached_tokens: cached_tokens ?? 0, estimated },
    ...(cost === undefined ? {} : { cost_micros: cost.micros, currency: cost.currency, prices_as_of: cost.as_of }),
  };
}

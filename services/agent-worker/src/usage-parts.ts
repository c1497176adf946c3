import { createQuotaCounters, createUsageSums, type Bus } from "@parley/bus";
import { isUsageKept, type Quotas } from "@parley/protocol";
import type { Registry } from "@parley/runtime";
import type { ModelTable } from "./model/model-table.ts";
import type { connectTools, Process } from "./parts.ts";
import { createTurnUsage, type TurnUsage } from "./turn-usage.ts";
import { createUsageMetrics } from "./usage/usage-metrics.ts";

export interface UsageParts {
  readonly redis: Awaited<ReturnType<typeof connectTools>>["redis"];
  readonly table: Pick<ModelTable, "priceOf">;
  readonly quotas: () => Quotas;
  readonly metrics: { readonly registry: Registry };
  readonly isConfigured: (model: string) => boolean;
}

/** What turns use: counted, limited and kept as `config/limits.yaml` says. */
export function openUsage(
  { life, log }: Process,
  bus: Pick<Bus, "usage">,
  { redis, table: { priceOf }, quotas, metrics: { registry }, isConfigured }: UsageParts,
): TurnUsage {
  const sums = createUsageSums(bus.usage, () => quotas().currency);
  const counters = createQuotaCounters({ redis, sums });
  const metrics = createUsageMetrics(registry, isConfigured);
  metrics.observe({ lost: bus.usage.lost, isShared: counters.isShared });
  // Else the first turn would wait for the stream that is made for it.
  if (isUsageKept(quotas()))
    bus.usage.setUp().catch((err: unknown) => log.warn({ err }, "the stream of what turns use is not there yet"));
  life.use("what turns have used", bus.usage.settled);
  return createTurnUsage({ log: bus.usage, counters, quotas, priceOf, onSpent: metrics.spent, onKept: metrics.kept });
}

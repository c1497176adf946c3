import type { UsageRecord } from "@parley/protocol";
import { Counter, addGauge, createKnownLabel, type Registry } from "@parley/runtime";
import type { SpentCall } from "./turn-spending.ts";

export interface UsageGauges {
  /** Records that could not be stored. */
  readonly lost: () => number;
  /** Whether quotas are counted by all workers together. */
  readonly isShared: () => boolean;
}

const other = "other";

/** What models were asked for, and what that cost. Only models that somebody has configured, and the first thirty tenants, have labels of their own. */
export function createUsageMetrics(registry: Registry, isConfigured: (model: string) => boolean) {
  const registers = [registry];
  const [knownModel, knownTenant] = [createKnownLabel(), createKnownLabel()];
  const tokens = new Counter({
    name: "parley_usage_tokens_total",
    help: "Tokens of all requests to models, answered or not, by what they were for; estimated where the provider does not say.",
    labelNames: ["model", "purpose", "direction"],
    registers,
  });
  const cost = new Counter({
    name: "parley_usage_cost_total",
    help: "What models cost by the prices of models.yaml, in the currency.",
    labelNames: ["model", "purpose", "currency"],
    registers,
  });
  const tenants = new Counter({
    name: "parley_usage_tenant_tokens_total",
    help: "Tokens that were kept for the bill, by tenant.",
    labelNames: ["tenant"],
    registers,
  });
  return {
    /** Never throws. */
    spent({ model: name, purpose, usage: { input_tokens, output_tokens, cost: its } }: SpentCall): void {
      const model = isConfigured(name) ? knownModel(name) : other;
      // Counters throw on what is below zero, and keep NaN for ever.
      if (!(input_tokens >= 0 && output_tokens >= 0)) return;
      tokens.inc({ model, purpose, direction: "input" }, input_tokens);
      tokens.inc({ model, purpose, direction: "output" }, output_tokens);
      if (its !== undefined && its.micros >= 0) cost.inc({ model, purpose, currency: its.currency }, its.micros / 1e6);
    },
    kept({ tenant = "", usage }: UsageRecord): void {
      const count = usage.input_tokens + usage.output_tokens;
      if (count >= 0) tenants.inc({ tenant: knownTenant(tenant) }, count);
    },
    observe({ lost, isShared }: UsageGauges): void {
      const unkept = "Records of what turns have used that could not be stored.";
      addGauge(registry, "parley_usage_lost", unkept, lost);
      const shared =
        "1: quotas are counted in Redis by all workers together; 0: Redis is away, and this worker counts alone.";
      addGauge(registry, "parley_quotas_shared", shared, () => (isShared() ? 1 : 0));
    },
  };
}

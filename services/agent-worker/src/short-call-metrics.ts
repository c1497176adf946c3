import { Counter, Histogram, type Registry } from "@parley/runtime";
import type { ClassifierResult } from "./classifier.ts";
import type { TitleResult } from "./first-title.ts";
import { harmless } from "./harmless.ts";
import type { SummaryResult } from "./memory/summariser.ts";

/** What models are asked for beside the answer, by what came of it; the tokens are with those of all model calls. */
export function createShortCallMetrics(registry: Registry) {
  const counterOf = (name: string, what: string) => {
    const help = `${what} that the model was asked for: given, late (another one came first, or the conversation is gone), empty or failed.`;
    const asked = new Counter({ name, help, labelNames: ["result"], registers: [registry] });
    return harmless((result: TitleResult | SummaryResult) => asked.inc({ result }));
  };
  return {
    titleAsked: counterOf("parley_titles_total", "Titles"),
    summaryAsked: counterOf("parley_summaries_total", "Summaries"),
    routingAsked: harmless(createRoutingMetrics(registry)),
  };
}

/** Deadlines are some seconds; nobody waits longer. */
const routingBucketsS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10];

function createRoutingMetrics(registry: Registry) {
  const registers = [registry];
  const asked = new Counter({
    name: "parley_routing_model_total",
    help: "Messages for which a model was to say which agent they are for: told, unusable (it said something else), late, failed, stopped (the turn was) or skipped (it had failed too often).",
    labelNames: ["result"],
    registers,
  });
  const duration = new Histogram({
    name: "parley_routing_model_seconds",
    help: "How long turns waited for a model to say which agent they are for.",
    buckets: routingBucketsS,
    registers,
  });
  return (result: ClassifierResult, durationMs: number): void => {
    asked.inc({ result });
    if (result !== "skipped") duration.observe(durationMs / 1_000);
  };
}

import { Counter, Histogram, type Registry } from "@parley/runtime";

/** How a subscription was caught up. */
export type CatchUpMode = "live" | "replay" | "snapshot";

export interface Subscriber {
  /** The cursor that its client asked to go on from, 0 without one; undefined: it was counted, or nobody asked. */
  asksAfter: number | undefined;
  readonly outlet: { hasSubscribed: boolean };
}

const behindBucketsS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1_800];

const none = (): Record<CatchUpMode, number> => ({ live: 0, replay: 0, snapshot: 0 });

/**
 * Subscriptions that were answered. Plain numbers: thousands may come at once when an edge is gone. A subscription is counted once, however often the
 * edge itself has to begin it anew; a connection is a reconnection by its first subscription alone, however many conversations it goes on with.
 */
export function createSubscriptionFigures() {
  const counts = { first: none(), resumed: none() };
  const reconnections = none();
  const behind = new Histogram({
    name: "parley_edge_resume_behind_seconds",
    help: "How long before a viewer came back the first event was made that it had missed, where that is at hand; 0: it missed none.",
    buckets: behindBucketsS,
    registers: [],
  });

  return {
    counts,
    reconnections,
    behind,

    /** `behindMs`: how far behind it is; undefined where that cannot be told. */
    subscribed(subscriber: Subscriber, mode: CatchUpMode, behindMs: () => number | undefined): void {
      const { asksAfter, outlet } = subscriber;
      if (asksAfter === undefined) return;
      subscriber.asksAfter = undefined;
      const isResumed = asksAfter > 0;
      counts[isResumed ? "resumed" : "first"][mode]++;
      if (isResumed && !outlet.hasSubscribed) reconnections[mode]++;
      outlet.hasSubscribed = true;
      const missedMs = isResumed ? behindMs() : undefined;
      if (missedMs !== undefined) behind.observe(missedMs / 1_000);
    },
  };
}

export type SubscriptionFigures = ReturnType<typeof createSubscriptionFigures>;

/** Adds them to a registry, read when somebody asks. */
export function addSubscriptionMetrics(
  registry: Registry,
  { counts, reconnections, behind }: SubscriptionFigures,
): void {
  const registers = [registry];
  const subscriptions = new Counter({
    name: "parley_edge_resumes_total",
    help: "Subscriptions that were answered, by how they were caught up; kind resumed: the client brought a cursor.",
    labelNames: ["kind", "mode"],
    registers,
    collect: () => {
      subscriptions.reset();
      for (const [kind, modes] of Object.entries(counts))
        for (const [mode, count] of Object.entries(modes)) subscriptions.inc({ kind, mode }, count);
    },
  });
  const connections = new Counter({
    name: "parley_edge_reconnections_total",
    help: "Connections whose first subscription brought a cursor, by how it was caught up.",
    labelNames: ["mode"],
    registers,
    collect: () => {
      connections.reset();
      for (const [mode, count] of Object.entries(reconnections)) connections.inc({ mode }, count);
    },
  });
  registry.registerMetric(behind);
}

import { Counter, Gauge, Histogram, type Registry } from "@parley/runtime";
import type { BreakerState } from "./breaker.ts";

/** Of one cluster. */
export interface ClusterMetrics {
  /** `code`: of the answer, `none` if there was none, `aborted` if nobody waited for it any more. */
  ended(method: string, code: string, durationMs: number): void;
}

export const noClusterMetrics: ClusterMetrics = { ended: () => {} };

export interface WatchedCluster {
  readonly name: string;
  readonly breaker: () => BreakerState;
  readonly running: () => number;
  readonly waiting: () => number;
}

const DURATION_BUCKETS_S = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const stateNumbers = { closed: 0, "half open": 1, open: 2 } as const satisfies Record<BreakerState, number>;

/** The figures of all clusters, in one registry. */
export function createClusterFigures(registry: Registry) {
  const registers = [registry];
  const requests = new Counter({
    name: "parley_cluster_requests_total",
    help: "Requests to API servers by method and by the code of the answer; `none`: there was none, `aborted`: nobody waited for it.",
    labelNames: ["cluster", "verb", "code"],
    registers,
  });
  const duration = new Histogram({
    name: "parley_cluster_request_duration_seconds",
    help: "How long requests to API servers took, each try of its own.",
    labelNames: ["cluster", "verb"],
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  return {
    of: (cluster: string): ClusterMetrics => ({
      ended(method, code, durationMs) {
        const verb = method.toLowerCase();
        requests.inc({ cluster, verb, code });
        duration.observe({ cluster, verb }, durationMs / 1_000);
      },
    }),

    watch(clusters: readonly WatchedCluster[]): void {
      const gauge = (name: string, help: string, read: (cluster: WatchedCluster) => number): void => {
        new Gauge({
          ...{ name, help, labelNames: ["cluster"], registers },
          collect() {
            for (const cluster of clusters) this.set({ cluster: cluster.name }, read(cluster));
          },
        });
      };
      const states =
        "Whether a cluster is asked: 0 yes, 2 no, because it could not be reached, 1 one request finds out.";
      gauge("parley_cluster_breaker_state", states, ({ breaker }) => stateNumbers[breaker()]);
      gauge("parley_cluster_requests_running", "Requests to API servers that wait for an answer.", (one) =>
        one.running(),
      );
      gauge("parley_cluster_requests_waiting", "Requests to API servers that wait for a place.", (one) =>
        one.waiting(),
      );
    },
  };
}

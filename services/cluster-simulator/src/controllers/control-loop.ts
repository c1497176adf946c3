import { MINUTE_MS } from "../durations.ts";
import type { KindList } from "../store/kind-list.ts";
import type { ObjectStore } from "../store/object-store.ts";
import { collectGarbage, forgetEvents } from "./collector.ts";
import { runDeployments } from "./deployments.ts";
import { runCronJobs, runJobs } from "./jobs.ts";
import { runKubelets } from "./kubelet.ts";
import { countQuotas } from "./quotas.ts";
import { runReplicaSets } from "./replica-sets.ts";
import { schedule } from "./scheduler.ts";
import { runServices } from "./services.ts";
import { runDaemonSets, runStatefulSets } from "./stateful-sets.ts";
import { runStorage } from "./storage.ts";
import { runAutoscalers, runBudgets, runDefinitions, runNodes } from "./watchers.ts";
import { createWorld, type World } from "./world.ts";

const CONTROLLERS: readonly ((world: World) => void)[] = [
  runDefinitions,
  runNodes,
  collectGarbage,
  runAutoscalers,
  runDeployments,
  runReplicaSets,
  runStatefulSets,
  runDaemonSets,
  runCronJobs,
  runJobs,
  runStorage,
  schedule,
  runKubelets,
  runServices,
  runBudgets,
  countQuotas,
  forgetEvents,
];
/** Rounds at one moment until nothing changes any more; more than this is a fault of a controller. */
const MAX_ROUNDS = 40;
/** Moments between two looks at the clock that are lived through one by one; a clock that was set far ahead skips the rest. */
const MAX_MOMENTS = 2_000;

export type ControlLoop = ReturnType<typeof createControlLoop>;
type ControlLoopDeps = { store: ObjectStore; kinds: KindList; startMs: number };

/**
 * All controllers, the scheduler and the kubelets. Nothing runs in the background: whoever looks at the cluster lets it live up to the present
 * first, moment by moment, so that it comes to the same however rarely somebody looks.
 */
export function createControlLoop({ store, kinds, startMs }: ControlLoopDeps) {
  let lastMs = startMs;
  let lastVersion = -1;
  let wakes = new Set<number>();

  function settleAt(nowMs: number): void {
    lastMs = nowMs;
    const due = new Set<number>();
    const world = createWorld({ store, kinds, nowMs, wakeAt: (ms) => ms > nowMs && due.add(ms) });
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const before = store.version();
      due.clear();
      for (const run of CONTROLLERS) run(world);
      if (store.version() === before) break;
    }
    wakes = due;
    lastVersion = store.version();
  }

  return {
    /** When something changes next although nobody does anything. */
    nextWakeMs: (): number => Math.min(...wakes, Number.POSITIVE_INFINITY),
    settle(nowMs: number): void {
      if (store.version() !== lastVersion) settleAt(lastMs);
      for (let moment = 0; moment < MAX_MOMENTS; moment += 1) {
        const next = Math.min(...wakes, Number.POSITIVE_INFINITY);
        if (next > nowMs) break;
        settleAt(next);
      }
      // Between two moments only the nodes' reports, one a minute, and the age of events change.
      if (Math.floor(nowMs / MINUTE_MS) > Math.floor(lastMs / MINUTE_MS)) settleAt(nowMs);
      lastMs = Math.max(lastMs, nowMs);
    },
  };
}

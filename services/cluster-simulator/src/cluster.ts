import type { Clock } from "./clock.ts";
import { type ControlLoop, createControlLoop } from "./controllers/control-loop.ts";
import { DAY_MS, isoSeconds, MINUTE_MS } from "./durations.ts";
import { builtInKinds } from "./kinds/built-in-kinds.ts";
import { kindsOfDefinition } from "./kinds/custom-kinds.ts";
import { type JsonObject, textAt } from "./json.ts";
import { loadSchemas, type Schemas } from "./schema/schemas.ts";
import { furnitureObjects, groundObjects, nodeStatus } from "./seed/settings.ts";
import { workloadObject } from "./seed/workload-objects.ts";
import { WORKLOADS } from "./seed/workloads.ts";
import { createKindList, type KindList } from "./store/kind-list.ts";
import { createObjectStore, type ObjectStore } from "./store/object-store.ts";
import { createRegistry, type Registry, type WriteOptions } from "./store/registry.ts";

const CLUSTER_AGE_MS = 9 * DAY_MS + 40 * MINUTE_MS;
const SEEDING: WriteOptions = {
  manager: { name: "kubectl-create", operation: "Update" },
  dryRun: false,
  validation: "Strict",
  warn: () => undefined,
};

export type Cluster = {
  schemas: Schemas;
  store: ObjectStore;
  kinds: KindList;
  registry: Registry;
  now: () => number;
  /** Lets the cluster live up to the present. */
  settle: () => void;
  nextWakeMs: () => number;
};

/** The simulated cluster with all that is in it when it starts: two workloads in trouble among healthy ones. */
export function createCluster(clock: Clock): Cluster {
  const startedMs = Math.floor(clock() / MINUTE_MS) * MINUTE_MS;
  const bornMs = startedMs - CLUSTER_AGE_MS;
  let seedingMs: number | undefined = bornMs;
  const now = (): number => seedingMs ?? clock();

  const schemas = loadSchemas();
  const store = createObjectStore();
  const builtIn = builtInKinds(schemas);
  const kinds = createKindList(
    builtIn,
    () => store.list({ group: "apiextensions.k8s.io", plural: "customresourcedefinitions" }),
    (definition) => kindsOfDefinition(schemas, definition),
  );
  const registry = createRegistry({ schemas, store, kinds, clock: now });
  const loop = createControlLoop({ store, kinds, startMs: bornMs });

  seed({ registry, kinds, store, loop, setTime: (ms) => (seedingMs = ms) }, { bornMs, startedMs });
  seedingMs = undefined;
  return { schemas, store, kinds, registry, now, settle: () => loop.settle(now()), nextWakeMs: loop.nextWakeMs };
}

type Seeding = {
  registry: Registry;
  kinds: KindList;
  store: ObjectStore;
  loop: ControlLoop;
  setTime: (ms: number) => void;
};

/** Makes everything at the time at which it was made, and lets the cluster live on from there. */
function seed(
  { registry, kinds, store, loop, setTime }: Seeding,
  { bornMs, startedMs }: { bornMs: number; startedMs: number },
): void {
  function make(object: JsonObject): void {
    const kind = kinds.ofObject(textAt(object, "apiVersion") ?? "", textAt(object, "kind") ?? "");
    if (kind === undefined) throw new Error(`the simulated cluster has no kind ${textAt(object, "kind") ?? ""}`);
    const made = registry.create(kind, textAt(object, "metadata", "namespace"), { object }, SEEDING).object;
    if (kind.kind === "Node")
      store.put(kind, { ...made, status: nodeStatus(made.metadata.name, isoSeconds(bornMs)) }, bornMs);
  }
  for (const object of groundObjects()) make(object);
  loop.settle(bornMs);
  for (const workload of WORKLOADS.toSorted((left, right) => right.ageMs - left.ageMs)) {
    const madeMs = startedMs - workload.ageMs;
    setTime(madeMs);
    loop.settle(madeMs);
    make(workloadObject(workload));
  }
  loop.settle(startedMs);
  // Late, because an autoscaler and a budget are about workloads that are there.
  setTime(startedMs - MINUTE_MS);
  for (const object of furnitureObjects()) make(object);
  loop.settle(startedMs);
}

import { builtInKind } from "../built-in-kinds.ts";
import type { z } from "zod";
import { ToolError } from "../../tools/tool.ts";
import type { Cluster } from "../cluster.ts";
import * as objects from "../cluster-objects.ts";
import { Pod } from "../pod-objects.ts";
import { readTyped } from "../reading.ts";
import { emptySnapshot, type ListName, type Snapshot } from "./snapshot.ts";

export const kindOf: Readonly<Record<ListName, string>> = {
  pods: "Pod",
  deployments: "Deployment",
  replicaSets: "ReplicaSet",
  statefulSets: "StatefulSet",
  daemonSets: "DaemonSet",
  jobs: "Job",
  cronJobs: "CronJob",
  services: "Service",
  endpointSlices: "EndpointSlice",
  ingresses: "Ingress",
  claims: "PersistentVolumeClaim",
  quotas: "ResourceQuota",
  autoscalers: "HorizontalPodAutoscaler",
  budgets: "PodDisruptionBudget",
  events: "Event",
  nodes: "Node",
};

export const listNames: readonly ListName[] = [
  ...(["pods", "deployments", "replicaSets", "statefulSets", "daemonSets", "jobs", "cronJobs", "services"] as const),
  ...(["endpointSlices", "ingresses", "claims", "quotas", "autoscalers", "budgets", "events", "nodes"] as const),
];

/** Of each kind; 2,000 pods are about 20 MB as JSON. */
const MAX_OBJECTS = 2_000;

export interface Loaded {
  readonly snapshot: Snapshot;
  /** What could not be read, and what was said about it. */
  readonly missing: ReadonlyMap<ListName, string>;
  /** Lists of which only the beginning was read. */
  readonly partial: readonly ListName[];
  readonly objects: number;
}

export interface LoadRequest {
  /** Absent: all that may be read. */
  readonly namespace: string | undefined;
  readonly lists: ReadonlySet<ListName>;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/**
 * Reads lists of objects, beside each other: they are of one moment only nearly. What may not be read, or what the cluster does not have, is missing and no more; a
 * ToolError when nothing could be read.
 */
export async function loadSnapshot(cluster: Cluster, { namespace, lists, now, signal }: LoadRequest): Promise<Loaded> {
  const missing = new Map<ListName, string>();
  const partial: ListName[] = [];
  let failure: ToolError | undefined;
  const list = async <T>(name: ListName, schema: z.ZodType<T>): Promise<readonly T[]> => {
    // Nodes tell of all namespaces, so who may read only some does not read them.
    const isOpen = name !== "nodes" || cluster.namespaces.only === undefined;
    if (!lists.has(name) || !isOpen) {
      missing.set(name, lists.has(name) ? "nodes may not be read here" : "it was not asked for");
      return [];
    }
    const kind = builtInKind(kindOf[name]);
    try {
      const request = { ...(kind.isNamespaced ? { namespace } : {}), limit: MAX_OBJECTS, signal };
      const { items, isPartial } = await readTyped(cluster, { kind, schema }, request);
      if (isPartial) partial.push(name);
      return items;
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      failure ??= error;
      missing.set(name, error.message);
      return [];
    }
  };
  const snapshot = { ...emptySnapshot, now, ...(await readLists(list)) };
  if (failure !== undefined && [...lists].every((name) => missing.has(name))) throw failure;
  const count = listNames.reduce((sum, name) => sum + snapshot[name].length, 0);
  return { snapshot, missing, partial, objects: count };
}

type ReadList = <T>(name: ListName, schema: z.ZodType<T>) => Promise<readonly T[]>;

async function readLists(list: ReadList): Promise<Omit<Snapshot, "now">> {
  const [pods, deployments, replicaSets, statefulSets, daemonSets, jobs, cronJobs, services] = await Promise.all([
    list("pods", Pod),
    list("deployments", objects.Workload),
    list("replicaSets", objects.Workload),
    list("statefulSets", objects.Workload),
    list("daemonSets", objects.Workload),
    list("jobs", objects.Job),
    list("cronJobs", objects.CronJob),
    list("services", objects.Service),
  ]);
  const [endpointSlices, ingresses, claims, quotas, autoscalers, budgets, events, nodes] = await Promise.all([
    list("endpointSlices", objects.EndpointSlice),
    list("ingresses", objects.Ingress),
    list("claims", objects.Claim),
    list("quotas", objects.ResourceQuota),
    list("autoscalers", objects.Autoscaler),
    list("budgets", objects.DisruptionBudget),
    list("events", objects.Event),
    list("nodes", objects.Node),
  ]);
  return {
    ...{ pods, deployments, replicaSets, statefulSets, daemonSets, jobs, cronJobs, services },
    ...{ endpointSlices, ingresses, claims, quotas, autoscalers, budgets, events, nodes },
  };
}

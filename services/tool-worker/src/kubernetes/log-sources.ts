import { builtInKind } from "./built-in-kinds.ts";
import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import { Job, LabelSelector } from "./cluster-objects.ts";
import { readObject } from "./object-list.ts";
import { listPods } from "./pod-list.ts";
import type { Pod } from "./pod-objects.ts";
import { isUnhealthy, summarise } from "./pod-status.ts";
import { readTyped } from "./reading.ts";
import { toDate } from "./times.ts";

export const ownerKinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"] as const;
export type OwnerKind = (typeof ownerKinds)[number];

/** One log: of a container of a pod; without its name the server takes the only one, or says which there are. */
export interface LogSource {
  readonly pod: string;
  readonly container?: string | undefined;
}

export interface LogSources {
  readonly sources: readonly LogSource[];
  /** How many pods there are, of which the first are read. */
  readonly total: number;
  /** `deployment web`, `pods with app=web`. */
  readonly what: string;
}

export interface PodChoice {
  readonly pod?: string | undefined;
  readonly ownerKind?: OwnerKind | undefined;
  readonly ownerName?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly container?: string | undefined;
}

/** Logs that are read for one call. */
const MAX_SOURCES = 8;

/** Which logs are meant by the choice: exactly one of pod, owner and selector. */
export async function findLogSources(
  cluster: Cluster,
  choice: PodChoice,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): Promise<LogSources> {
  const { pod, container } = choice;
  if (pod !== undefined) return { sources: [{ pod, container }], total: 1, what: pod };
  const { pods, what } = await podsOf(cluster, choice, { namespace, signal });
  if (pods.length === 0) throw new ToolError(`There are no pods of ${what} in namespace ${namespace}.`);
  const sources = pods
    .toSorted((one, other) => weight(other) - weight(one))
    .slice(0, MAX_SOURCES)
    .map((one) => ({ pod: one.metadata.name, container: container ?? mainContainer(one) }));
  return { sources, total: pods.length, what };
}

/** Pods that are not well come first, of these the youngest. */
function weight(pod: Pod): number {
  const age = toDate(pod.metadata.creationTimestamp)?.getTime() ?? 0;
  return age + (isUnhealthy(summarise(pod)) ? Number.MAX_SAFE_INTEGER / 2 : 0);
}

/** As kubectl chooses it. */
function mainContainer({ metadata, spec }: Pod): string | undefined {
  const named = metadata.annotations?.["kubectl.kubernetes.io/default-container"];
  return (spec.containers.find(({ name }) => name === named) ?? spec.containers[0])?.name;
}

interface Found {
  readonly pods: readonly Pod[];
  readonly what: string;
}

async function podsOf(
  cluster: Cluster,
  { ownerKind, ownerName, labelSelector }: PodChoice,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): Promise<Found> {
  const at = { namespace, signal };
  if (ownerKind === undefined || ownerName === undefined) {
    const { pods } = await listPods(cluster, { namespace, labelSelector }, signal);
    return { pods, what: `the selector ${labelSelector ?? ""}` };
  }
  const what = `${ownerKind} ${ownerName}`;
  if (ownerKind === "CronJob") return { pods: await podsOfCronJob(cluster, ownerName, at), what };
  const owner = await readObject(cluster, builtInKind(ownerKind), { namespace, name: ownerName }, signal);
  const selector = selectorText(Owner.safeParse(owner).data?.spec.selector);
  if (selector === "") throw new ToolError(`The ${what} selects no pods.`);
  const { pods } = await listPods(cluster, { namespace, labelSelector: selector }, signal);
  return { pods, what };
}

const Owner = z.object({ spec: z.object({ selector: LabelSelector }) });

const MAX_JOBS = 500;

/** A CronJob selects nothing itself: its pods are those of the Jobs that it owns. */
async function podsOfCronJob(
  cluster: Cluster,
  name: string,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): Promise<Pod[]> {
  await readObject(cluster, builtInKind("CronJob"), { namespace, name }, signal);
  const request = { namespace, limit: MAX_JOBS, signal };
  const { items } = await readTyped(cluster, { kind: builtInKind("Job"), schema: Job }, request);
  const jobs = new Set(
    items.filter(({ metadata }) => isOwnedBy(metadata, "CronJob", name)).map((job) => job.metadata.name),
  );
  const { pods } = await listPods(cluster, { namespace }, signal);
  return pods.filter(({ metadata }) =>
    metadata.ownerReferences?.some((owner) => owner.kind === "Job" && jobs.has(owner.name)),
  );
}

function isOwnedBy({ ownerReferences = [] }: Job["metadata"], kind: string, name: string): boolean {
  return ownerReferences.some((owner) => owner.kind === kind && owner.name === name);
}

/** A selector as the server takes it in a query; empty for one that selects nothing. */
function selectorText(selector: LabelSelector): string {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  const words: Readonly<Record<string, string>> = { In: "in", NotIn: "notin" };
  return [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values = [] }) => {
      if (operator === "Exists") return key;
      return operator === "DoesNotExist" ? `!${key}` : `${key} ${words[operator] ?? "in"} (${values.join(",")})`;
    }),
  ].join(",");
}

import { requireNamespace } from "./object-list.ts";
import { builtInKind } from "./built-in-kinds.ts";
import { z } from "zod";
import { defineTool, ToolError, type Tool } from "../tools/tool.ts";
import type { Cluster } from "./cluster.ts";
import { Node } from "./cluster-objects.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { Selector } from "./namespace-rule.ts";
import { listPods } from "./pod-list.ts";
import {
  cpuWords,
  memoryWords,
  nodeMetricsKind,
  podMetricsKind,
  readNodeUse,
  readPodUse,
  type PodUse,
} from "./pod-metrics.ts";
import type { Pod } from "./pod-objects.ts";
import { parseQuantity } from "./quantity.ts";
import { listAccess, readTyped, scopeFields, scopeOf } from "./reading.ts";
import { rowsOutput } from "./shape.ts";

const MAX_LIMIT = 500;
const MAX_PODS = 5_000;
const MAX_NODES = 2_000;

const PodFields = {
  ...scopeFields,
  labelSelector: Selector.optional().describe("For example app=shop."),
  sortBy: z.enum(["cpu", "memory"]).default("cpu").describe("Most of this first."),
  limit: z.int().min(1).max(MAX_LIMIT).default(30).describe("Rows to show; totals count all."),
};

export function createTopPods(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_top_pods",
    description: `Shows what CPU and memory pods of the ${clusters.of(undefined).label} use now, beside what they request and may use.`,
    input: z.strictObject({ ...PodFields, ...contextField(clusters) }),
    argumentAliases: { all_namespaces: "allNamespaces", label_selector: "labelSelector", sort_by: "sortBy" },
    effect: "read",
    timeoutMs: 20_000,
    access({ context, ...input }) {
      const cluster = clusters.of(context);
      return listAccess(cluster, [podMetricsKind, builtInKind("Pod")], scopeOf(cluster, input));
    },
    async run({ context, labelSelector, sortBy, limit, ...scope }, { signal }) {
      const cluster = clusters.of(context);
      const { namespace, words } = scopeOf(cluster, scope);
      const { items, isPartial } = await readPodUse(cluster, { namespace, labelSelector, limit: MAX_PODS, signal });
      if (items.length === 0 && namespace !== undefined) await requireNamespace(cluster, namespace, signal);
      const bounds = await boundsOf(cluster, { namespace, labelSelector }, signal);
      const weight = (use: PodUse): number => (sortBy === "cpu" ? use.cpu : use.memoryBytes);
      const found = items.toSorted((one, other) => weight(other) - weight(one));
      const [cpu, memory] = [sum(found.map((use) => use.cpu)), sum(found.map((use) => use.memoryBytes))];
      return rowsOutput({
        summary: `${found.length} pods in ${words} of the ${cluster.label} use ${cpuWords(cpu)} CPU and ${memoryWords(memory)} memory.`,
        header: ["NAMESPACE", "NAME", "CPU", "REQUEST/LIMIT", "MEMORY", "REQUEST/LIMIT", "OF LIMIT"],
        rows: found.slice(0, limit).map((use) => podRow(use, bounds.get(`${use.namespace}/${use.name}`))),
        ...{ total: found.length, isMore: isPartial, narrow: "namespace or labelSelector" },
      });
    },
  });
}

interface Bounds {
  readonly cpu: string;
  readonly memory: string;
  /** Undefined: some container has no limit, so the pod has none. */
  readonly memoryLimit: number | undefined;
}

/** What pods request and may use; of no pod where pods may not be read, which the table shows as `-`. */
async function boundsOf(
  cluster: Cluster,
  query: { namespace: string | undefined; labelSelector: string | undefined },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Bounds>> {
  try {
    const { pods } = await listPods(cluster, query, signal);
    return new Map(pods.map((pod) => [`${pod.metadata.namespace ?? ""}/${pod.metadata.name}`, boundsOfPod(pod)]));
  } catch (error) {
    if (error instanceof ToolError) return new Map();
    throw error;
  }
}

function boundsOfPod({ spec: { containers } }: Pod): Bounds {
  const total = (side: "requests" | "limits", name: string): number | undefined => {
    const each = containers.map(({ resources }) => parseQuantity(resources?.[side]?.[name]));
    return each.some((one) => one === undefined) ? undefined : sum(each.map((one) => one ?? 0));
  };
  const words = (name: string, say: (value: number) => string): string =>
    [total("requests", name), total("limits", name)].map((one) => (one === undefined ? "-" : say(one))).join("/");
  return { cpu: words("cpu", cpuWords), memory: words("memory", memoryWords), memoryLimit: total("limits", "memory") };
}

function podRow({ namespace, name, cpu, memoryBytes }: PodUse, bounds: Bounds | undefined): string[] {
  const { memoryLimit } = bounds ?? {};
  const share = memoryLimit === undefined || memoryLimit === 0 ? "-" : percent(memoryBytes / memoryLimit);
  return [namespace, name, cpuWords(cpu), bounds?.cpu ?? "-", memoryWords(memoryBytes), bounds?.memory ?? "-", share];
}

export function createTopNodes(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_top_nodes",
    description: `Shows what CPU and memory the nodes of the ${clusters.of(undefined).label} use now, beside what they have.`,
    input: z.strictObject(contextField(clusters)),
    effect: "read",
    timeoutMs: 20_000,
    access({ context }) {
      const kinds = [nodeMetricsKind, builtInKind("Node")];
      return listAccess(clusters.of(context), kinds, { namespace: undefined });
    },
    async run({ context }, { signal }) {
      const cluster = clusters.of(context);
      if (cluster.namespaces.only !== undefined) throw new ToolError("Nodes may not be read here.");
      const request = { limit: MAX_NODES, signal };
      const [uses, { items: nodes, isPartial }] = await Promise.all([
        readNodeUse(cluster, request),
        readTyped(cluster, { kind: builtInKind("Node"), schema: Node }, request),
      ]);
      const rows = nodes.map((node) => nodeRow(node, uses.get(node.metadata.name)));
      return rowsOutput({
        summary: `${nodes.length} nodes of the ${cluster.label}; what they use is told for ${uses.size}.`,
        header: ["NAME", "CPU", "OF", "CPU%", "MEMORY", "OF", "MEMORY%"],
        ...{ rows, total: nodes.length, isMore: isPartial, narrow: "k8s_list_nodes with labelSelector" },
      });
    },
  });
}

function nodeRow({ metadata, status }: Node, use: { cpu: number; memoryBytes: number } | undefined): string[] {
  const has = (name: string): number | undefined => parseQuantity(status?.allocatable?.[name]);
  const [cpu, memory] = [has("cpu"), has("memory")];
  const share = (used: number | undefined, of: number | undefined): string =>
    used === undefined || of === undefined || of === 0 ? "-" : percent(used / of);
  return [
    metadata.name,
    use === undefined ? "-" : cpuWords(use.cpu),
    cpu === undefined ? "-" : cpuWords(cpu),
    share(use?.cpu, cpu),
    use === undefined ? "-" : memoryWords(use.memoryBytes),
    memory === undefined ? "-" : memoryWords(memory),
    share(use?.memoryBytes, memory),
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

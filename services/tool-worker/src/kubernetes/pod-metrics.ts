import { z } from "zod";
import { ToolError } from "../tools/tool.ts";
import { KubeError } from "./api-failure.ts";
import type { Cluster } from "./cluster.ts";
import { readAll, type ListRequest } from "./object-list.ts";
import type { ResourceKind } from "./kube-api.ts";
import { maybe, Metadata, Text } from "./pod-objects.ts";
import { parseQuantity } from "./quantity.ts";
import { typed } from "./reading.ts";

const metricsKind = (kind: string, plural: string, isNamespaced: boolean): ResourceKind => ({
  ...{ group: "metrics.k8s.io", version: "v1beta1", kind, plural, singular: plural, isNamespaced },
  ...{ shortNames: [], verbs: ["get", "list"] },
});

export const podMetricsKind = metricsKind("PodMetrics", "pods", true);
export const nodeMetricsKind = metricsKind("NodeMetrics", "nodes", false);

const Usage = maybe(z.object({ cpu: Text, memory: Text }));
const PodMetrics = z.object({
  metadata: Metadata,
  containers: z.array(z.object({ name: z.string(), usage: Usage })),
});
const NodeMetrics = z.object({ metadata: Metadata, usage: Usage });

/** In cores and bytes. */
export interface Use {
  readonly cpu: number;
  readonly memoryBytes: number;
}

export interface PodUse extends Use {
  readonly namespace: string;
  readonly name: string;
}

/** What pods use, by the metrics API; a ToolError that says so where the cluster has none. */
export async function readPodUse(
  cluster: Cluster,
  request: ListRequest,
): Promise<{ items: PodUse[]; isPartial: boolean }> {
  const { items, isPartial } = await withMetricsApi(cluster, () => readAll(cluster, podMetricsKind, request));
  const uses = typed(items, PodMetrics).map(({ metadata: { namespace = "", name }, containers }) => {
    const each = containers.map(({ usage }) => useOf(usage));
    return {
      namespace,
      name,
      cpu: sum(each.map(({ cpu }) => cpu)),
      memoryBytes: sum(each.map((one) => one.memoryBytes)),
    };
  });
  return { items: uses, isPartial };
}

/** The same of nodes, by name. */
export async function readNodeUse(cluster: Cluster, request: ListRequest): Promise<ReadonlyMap<string, Use>> {
  const { items } = await withMetricsApi(cluster, () => readAll(cluster, nodeMetricsKind, request));
  return new Map(typed(items, NodeMetrics).map(({ metadata, usage }) => [metadata.name, useOf(usage)]));
}

async function withMetricsApi<T>({ label }: Cluster, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    // An API that is registered and whose server is away answers 503.
    if (!(error instanceof KubeError) || (error.status !== 404 && error.status !== 503)) throw error;
    const words = error.status === 404 ? "has no metrics API" : "has a metrics API that does not answer";
    throw new ToolError(
      `The ${label} ${words} (metrics.k8s.io, which metrics-server serves), so what is used now is not known.`,
      {
        cause: error,
      },
    );
  }
}

function useOf(usage: z.output<typeof Usage>): Use {
  return { cpu: parseQuantity(usage?.cpu) ?? 0, memoryBytes: parseQuantity(usage?.memory) ?? 0 };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** As kubectl says it: thousandths of a core. */
export function cpuWords(cpu: number): string {
  return `${Math.ceil(cpu * 1_000)}m`;
}

export function memoryWords(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}Mi`;
}

import { requireNamespace } from "./object-list.ts";
import { builtInKind } from "./built-in-kinds.ts";
import { z } from "zod";
import { defineTool, type Tool, type ToolOutput } from "../tools/tool.ts";
import { ageOf } from "./age.ts";
import type { Cluster } from "./cluster.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { ObjectName, Selector } from "./namespace-rule.ts";
import { decodePageToken, encodePageToken, listPods, type PageToken, type PodListing } from "./pod-list.ts";
import { cpuWords, podMetricsKind, readPodUse } from "./pod-metrics.ts";
import { isUnhealthy, matches, podFilters, summarise, type PodFilter, type PodSummary } from "./pod-status.ts";
import { listAccess, scopeFields, scopeOf } from "./reading.ts";
import { rowsOutput } from "./shape.ts";

const MAX_LIMIT = 500;

const orders = ["name", "age", "restarts", "cpu"] as const;

const Fields = {
  ...scopeFields,
  labelSelector: Selector.optional().describe("For example app=shop,tier!=cache."),
  fieldSelector: Selector.optional().describe(
    "For example spec.nodeName=node-1. CrashLoopBackOff is not a phase: use status for that.",
  ),
  status: z.enum(podFilters).default("any").describe("Only pods in this state; notready: everything that is not well."),
  nodeName: ObjectName.optional().describe("Only pods on this node."),
  sortBy: z
    .enum(orders)
    .default("name")
    .describe("name: by namespace and name; age: youngest first; restarts and cpu: most first."),
  limit: z.int().min(1).max(MAX_LIMIT).default(50).describe("Rows to show; totals count all."),
  continue: z.string().max(8_192).optional().describe("From the end of a list that was too long: shows the next rows."),
};
const Input = z.strictObject(Fields);
type Input = z.output<typeof Input>;

export function createListPods(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_list_pods",
    aliases: ["list_pods"],
    description: `Lists pods of the ${clusters.of(undefined).label} as a table, with a summary of what is not well.`,
    input: z.strictObject({ ...Fields, ...contextField(clusters) }),
    argumentAliases: {
      all_namespaces: "allNamespaces",
      label_selector: "labelSelector",
      field_selector: "fieldSelector",
      node_name: "nodeName",
      sort_by: "sortBy",
      output_format: "",
      show_labels: "",
    },
    effect: "read",
    timeoutMs: 20_000,
    access({ context, ...input }) {
      const cluster = clusters.of(context);
      const kinds = input.sortBy === "cpu" ? [builtInKind("Pod"), podMetricsKind] : [builtInKind("Pod")];
      return listAccess(cluster, kinds, scopeOf(cluster, input));
    },
    async run({ context, ...input }, { signal }) {
      const cluster = clusters.of(context);
      const { namespace, words } = scopeOf(cluster, input);
      const page = input.continue === undefined ? { from: { place: 0 }, offset: 0 } : decodePageToken(input.continue);
      const query = { namespace, labelSelector: input.labelSelector, fieldSelector: fieldSelectorOf(input) };
      const listing = await listPods(cluster, { ...query, from: page.from }, signal);
      if (listing.pods.length === 0 && namespace !== undefined) await requireNamespace(cluster, namespace, signal);
      const cpu =
        input.sortBy === "cpu"
          ? await cpuOf(cluster, { namespace, labelSelector: input.labelSelector }, signal)
          : undefined;
      return render({ listing, page, cpu }, input, `${words} of the ${cluster.label}`);
    },
  });
}

function fieldSelectorOf({ fieldSelector, nodeName }: Input): string | undefined {
  const parts = [fieldSelector, nodeName === undefined ? undefined : `spec.nodeName=${nodeName}`].filter(Boolean);
  return parts.length === 0 ? undefined : parts.join(",");
}

const MAX_METRICS = 5_000;

async function cpuOf(
  cluster: Cluster,
  query: { namespace: string | undefined; labelSelector: string | undefined },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const { items } = await readPodUse(cluster, { ...query, limit: MAX_METRICS, signal });
  return new Map(items.map(({ namespace, name, cpu }) => [`${namespace}/${name}`, cpu]));
}

interface Found {
  readonly listing: PodListing;
  readonly page: PageToken;
  /** In cores; undefined: it was not asked for. */
  readonly cpu: ReadonlyMap<string, number> | undefined;
}

function render({ listing: { pods, next }, page, cpu }: Found, input: Input, place: string): ToolOutput {
  const { status, limit, sortBy } = input;
  const all = pods.map(summarise);
  const cpuOfPod = ({ namespace, name }: PodSummary): number | undefined => cpu?.get(`${namespace}/${name}`);
  const found = sorted(
    all.filter((pod) => matches(pod, status)),
    sortBy,
    cpuOfPod,
  );
  const shown = found.slice(page.offset, page.offset + limit);
  const end = page.offset + shown.length;
  const now = new Date();
  const isMore = next !== undefined;
  const following: PageToken | undefined =
    end < found.length ? { from: page.from, offset: end } : next && { from: next, offset: 0 };
  const isFirst = page.offset === 0 && page.from.place === 0 && page.from.token === undefined;
  return rowsOutput({
    summary: summaryOf(found, { total: all.length, isMore: isMore || !isFirst, status, place }),
    header: ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE", ...(cpu === undefined ? [] : ["CPU"])],
    rows: shown.map((pod) => [...rowOf(pod, now), ...(cpu === undefined ? [] : [cpuCell(cpuOfPod(pod))])]),
    ...{ total: found.length, isMore, narrow: "namespace, labelSelector or status" },
    next: following && `The next rows: the same with continue=${encodePageToken(following)}`,
  });
}

function sorted(
  pods: readonly PodSummary[],
  sortBy: Input["sortBy"],
  cpuOfPod: (pod: PodSummary) => number | undefined,
): readonly PodSummary[] {
  if (sortBy === "name") return pods;
  const weight = (pod: PodSummary): number => {
    if (sortBy === "age") return pod.created?.getTime() ?? 0;
    return sortBy === "restarts" ? pod.restarts : (cpuOfPod(pod) ?? -1);
  };
  return pods.toSorted((one, other) => weight(other) - weight(one));
}

interface Counted {
  readonly total: number;
  /** The list is longer than what was looked at. */
  readonly isMore: boolean;
  readonly status: PodFilter;
  readonly place: string;
}

function summaryOf(found: readonly PodSummary[], { total, isMore, status, place }: Counted): string {
  const all = isMore ? `${plural(total)} that were looked at` : plural(total);
  const count = status === "any" ? all : `${found.length} of ${all} with status ${status}`;
  const unhealthy = found.filter(isUnhealthy);
  if (found.length === 0) return `${count} in ${place}.`;
  if (unhealthy.length === 0) return `${count} in ${place}; all are well.`;
  const words = [...countBy(unhealthy.map((pod) => wordOf(pod)))].map(([word, times]) => `${times} ${word}`);
  return `${count} in ${place}; not well: ${words.join(", ")}.`;
}

/** What a summary says of a state: the server's own words, of which others than these would be somebody's text. */
function wordOf(pod: PodSummary): string {
  if (pod.status === "Running") return "not ready";
  return /^[\w:/.-]{1,60}$/.test(pod.status) ? pod.status : "in another state";
}

function plural(count: number): string {
  return count === 1 ? "1 pod" : `${count} pods`;
}

function countBy(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function rowOf(pod: PodSummary, now: Date): string[] {
  return [
    pod.namespace,
    pod.name,
    `${pod.ready}/${pod.containers}`,
    pod.status,
    String(pod.restarts),
    ageOf(pod.created, now),
    pod.node || "<none>",
  ];
}

function cpuCell(cpu: number | undefined): string {
  return cpu === undefined ? "-" : cpuWords(cpu);
}

import { ApiException } from "@kubernetes/client-node";
import { z } from "zod";
import { defineTool, type Tool, type ToolOutput } from "../tools/tool.ts";
import { ageOf } from "./age.ts";
import { asking } from "./api-failure.ts";
import { abortableBy, type Cluster } from "./cluster.ts";
import { Namespace, Selector } from "./namespace-rule.ts";
import { listPods, type PodListing } from "./pod-list.ts";
import { isUnhealthy, matches, podFilters, summarise, type PodFilter, type PodSummary } from "./pod-status.ts";
import { toTable } from "./table.ts";

const MAX_LIMIT = 500;

const Input = z.strictObject({
  namespace: Namespace.optional().describe("Only this namespace. Left out: the default namespace."),
  allNamespaces: z.boolean().default(false).describe("All namespaces; namespace is then ignored."),
  labelSelector: Selector.optional().describe("For example app=shop,tier!=cache."),
  fieldSelector: Selector.optional().describe(
    "For example spec.nodeName=node-1. CrashLoopBackOff is not a phase: use status for that.",
  ),
  status: z.enum(podFilters).default("any").describe("Only pods in this state; notready: everything that is not well."),
  limit: z.int().min(1).max(MAX_LIMIT).default(50).describe("Rows to show; totals count all."),
});
type Input = z.output<typeof Input>;

export function createListPods(cluster: Cluster): Tool {
  return defineTool({
    name: "k8s_list_pods",
    aliases: ["list_pods"],
    description: `Lists pods of the ${cluster.label} as a table, with a summary of what is not well.`,
    input: Input,
    argumentAliases: {
      all_namespaces: "allNamespaces",
      label_selector: "labelSelector",
      field_selector: "fieldSelector",
      output_format: "",
    },
    effect: "read",
    timeoutMs: 20_000,
    async run(input, { signal }) {
      const namespace = input.allNamespaces ? undefined : (input.namespace ?? cluster.defaultNamespace);
      if (namespace !== undefined) cluster.namespaces.check(namespace);
      const { labelSelector, fieldSelector } = input;
      const listing = await listPods(cluster, { namespace, labelSelector, fieldSelector }, signal);
      if (listing.pods.length === 0 && namespace !== undefined) await requireNamespace(cluster, namespace, signal);
      return render(listing, input, `${placeOf(namespace, cluster)} of the ${cluster.label}`);
    },
  });
}

/** The server answers with an empty list for a namespace that does not exist, which would read like good news. */
async function requireNamespace(cluster: Cluster, name: string, signal: AbortSignal): Promise<void> {
  const read = async (): Promise<void> => {
    await cluster.core.readNamespace({ name }, abortableBy(signal)).catch((error: unknown) => {
      // Who may not read namespaces cannot be told more than "no pods".
      if (!(error instanceof ApiException && error.code === 403)) throw error;
    });
  };
  await asking(cluster, { what: "namespace", name }, read, signal);
}

function placeOf(namespace: string | undefined, { namespaces }: Cluster): string {
  if (namespace !== undefined) return `namespace ${namespace}`;
  return namespaces.only === undefined ? "all namespaces" : `the namespaces ${namespaces.only.join(", ")}`;
}

function render({ pods, isPartial }: PodListing, { status, limit }: Input, place: string): ToolOutput {
  const all = pods.map(summarise);
  const found = all.filter((pod) => matches(pod, status));
  const shown = found.slice(0, limit);
  const summary = summaryOf(found, all.length, status, place);
  const notes = [
    ...(shown.length < found.length
      ? [`Shown ${shown.length} of ${found.length}; narrow with namespace, labelSelector or status.`]
      : []),
    ...(isPartial ? [`Only the first ${all.length} pods were looked at; narrow with namespace or labelSelector.`] : []),
  ];
  const table = shown.length === 0 ? [] : [tableOf(shown)];
  return { text: [summary, ...table, ...notes].join("\n"), truncated: notes.length > 0 };
}

function summaryOf(found: readonly PodSummary[], total: number, status: PodFilter, place: string): string {
  const count = status === "any" ? plural(total) : `${found.length} of ${plural(total)} with status ${status}`;
  const unhealthy = found.filter(isUnhealthy);
  if (found.length === 0) return `${count} in ${place}.`;
  if (unhealthy.length === 0) return `${count} in ${place}; all are well.`;
  const words = [...countBy(unhealthy.map((pod) => wordOf(pod)))].map(([word, times]) => `${times} ${word}`);
  return `${count} in ${place}; not well: ${words.join(", ")}.`;
}

function wordOf(pod: PodSummary): string {
  return pod.status === "Running" ? "not ready" : pod.status;
}

function plural(count: number): string {
  return count === 1 ? "1 pod" : `${count} pods`;
}

function countBy(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function tableOf(pods: readonly PodSummary[]): string {
  const now = new Date();
  const rows = pods.map((pod) => [
    pod.namespace,
    pod.name,
    `${pod.ready}/${pod.containers}`,
    pod.status,
    String(pod.restarts),
    ageOf(pod.created, now),
    pod.node || "<none>",
  ]);
  return toTable(["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE"], rows);
}

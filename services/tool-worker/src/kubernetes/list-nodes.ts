import { z } from "zod";
import { defineTool, type Tool } from "../tools/tool.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { listAt, textAt, valueAt } from "./json-path.ts";
import { Selector } from "./namespace-rule.ts";
import { readAll } from "./object-list.ts";
import { accessTo, findPlace } from "./object-place.ts";
import { rowsOutput } from "./shape.ts";
import { toCell } from "./table.ts";
import { agoOf } from "./times.ts";

const maxNodes = 1_000;

const views = ["brief", "capacity", "taints", "conditions"] as const;
type View = (typeof views)[number];

export function createListNodes(clusters: Clusters): Tool {
  const { label } = clusters.of(undefined);
  return defineTool({
    name: "k8s_list_nodes",
    aliases: ["list_nodes"],
    description: `Lists the nodes of the ${label}: their state, capacity, taints or conditions.`,
    input: z.strictObject({
      labelSelector: Selector.optional().describe("For example node-role.kubernetes.io/control-plane."),
      view: z.enum(views).default("brief").describe("Which columns."),
      ...contextField(clusters),
    }),
    argumentAliases: { label_selector: "labelSelector", output_format: "", show_labels: "" },
    effect: "read",
    timeoutMs: 20_000,
    access: async ({ context }, { signal }) => {
      const cluster = clusters.of(context);
      return accessTo(cluster, "list", await findPlace(cluster, { kind: "Node", apiVersion: "v1" }, signal));
    },
    async run({ labelSelector, view, context }, { signal }) {
      const cluster = clusters.of(context);
      const { kind } = await findPlace(cluster, { kind: "Node", apiVersion: "v1" }, signal);
      const { items, isPartial } = await readAll(cluster, kind, { labelSelector, limit: maxNodes, signal });
      const now = new Date();
      const notReady = items.filter((node) => readiness(node) !== "Ready").length;
      const count = `${isPartial ? "More than " : ""}${items.length} node${items.length === 1 ? "" : "s"}`;
      const health = items.length === 0 ? "" : notReady === 0 ? "; all are ready" : `; ${notReady} not ready`;
      return rowsOutput({
        summary: `${count} in the ${cluster.label}${health}.`,
        header: ["NAME", "STATUS", ...columns[view].header],
        rows: items.map((node) => [node.metadata.name ?? "", statusOf(node), ...columns[view].cells(node, now)]),
        ...{ total: items.length, isMore: isPartial, narrow: "labelSelector" },
      });
    },
  });
}

function conditionsOf(node: unknown): readonly unknown[] {
  return listAt(node, "status.conditions");
}

function readiness(node: unknown): string {
  const status = textAt(
    conditionsOf(node).find((one) => textAt(one, "type") === "Ready"),
    "status",
  );
  if (status === "True") return "Ready";
  return status === undefined || status === "Unknown" ? "Unknown" : "NotReady";
}

function statusOf(node: unknown): string {
  return valueAt(node, "spec.unschedulable") === true ? `${readiness(node)},SchedulingDisabled` : readiness(node);
}

const rolePrefix = "node-role.kubernetes.io/";

function rolesOf(node: unknown): string {
  const labels = valueAt(node, "metadata.labels");
  const names = typeof labels === "object" && labels !== null ? Object.keys(labels) : [];
  return names.flatMap((name) => (name.startsWith(rolePrefix) ? [name.slice(rolePrefix.length)] : [])).join(",");
}

function amountOf(node: unknown, what: string): string {
  return `${textAt(node, `status.allocatable.${what}`) ?? "?"} of ${textAt(node, `status.capacity.${what}`) ?? "?"}`;
}

function taintsOf(node: unknown): string {
  const taints = listAt(node, "spec.taints").map((taint) => {
    const value = textAt(taint, "value");
    return `${textAt(taint, "key")}${value === undefined ? "" : `=${value}`}:${textAt(taint, "effect")}`;
  });
  return taints.join(", ");
}

/** What is not as it should be: Ready that is not true, anything else that is. */
function troublesOf(node: unknown, now: Date): string {
  const bad = conditionsOf(node).filter(
    (one) => (textAt(one, "status") === "True") !== (textAt(one, "type") === "Ready"),
  );
  const words = bad.map((one) => {
    const since = agoOf(textAt(one, "lastTransitionTime"), now);
    return `${textAt(one, "type")}=${textAt(one, "status")} (${textAt(one, "reason") ?? "no reason"}, for ${since})`;
  });
  return words.join(", ") || "none";
}

interface Columns {
  readonly header: readonly string[];
  cells(node: unknown, now: Date): readonly string[];
}

const columns: Readonly<Record<View, Columns>> = {
  brief: {
    header: ["ROLES", "AGE", "VERSION", "INTERNAL-IP"],
    cells: (node, now) => {
      const address = listAt(node, "status.addresses").find((one) => textAt(one, "type") === "InternalIP");
      return [
        toCell(rolesOf(node)),
        agoOf(textAt(node, "metadata.creationTimestamp"), now),
        toCell(textAt(node, "status.nodeInfo.kubeletVersion")),
        toCell(textAt(address, "address")),
      ];
    },
  },
  capacity: {
    header: ["CPU", "MEMORY", "PODS"],
    cells: (node) => ["cpu", "memory", "pods"].map((what) => amountOf(node, what)),
  },
  taints: { header: ["TAINTS"], cells: (node) => [toCell(taintsOf(node))] },
  conditions: { header: ["TROUBLE"], cells: (node, now) => [troublesOf(node, now)] },
};

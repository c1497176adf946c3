import { builtInKind } from "../built-in-kinds.ts";
import { z } from "zod";
import type { Access } from "../../tools/access.ts";
import { defineTool, type Tool } from "../../tools/tool.ts";
import type { Cluster } from "../cluster.ts";
import { contextField, type Clusters } from "../clusters.ts";
import { Namespace, ObjectName } from "../namespace-rule.ts";
import { getAccess, listAccess, scopeOf } from "../reading.ts";
import { textOutput } from "../shape.ts";
import { nameOf } from "./finding.ts";
import { loadSnapshot, kindOf } from "./load-snapshot.ts";
import { graphOf } from "./object-graph.ts";
import { treeLines } from "./object-tree.ts";
import { readRoot } from "./root-object.ts";
import type { ListName } from "./snapshot.ts";

const LISTS: readonly ListName[] = [
  ...(["pods", "deployments", "replicaSets", "statefulSets", "daemonSets", "jobs", "cronJobs"] as const),
  ...(["services", "ingresses", "claims", "autoscalers", "budgets"] as const),
];

const Fields = {
  apiVersion: z.string().max(128).optional().describe("For example apps/v1, where a kind is in several groups."),
  kind: z.string().max(63).describe("Kind of the object, for example Deployment; custom kinds too."),
  name: ObjectName.describe("Its name."),
  namespace: Namespace.optional().describe("Its namespace. Left out: the default namespace."),
  depth: z.int().min(1).max(4).default(4).describe("How many steps down are shown."),
};
const Input = z.strictObject(Fields);
type Input = z.output<typeof Input>;

export function createOwnerTree(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_owner_tree",
    description: `Shows what an object of the ${clusters.of(undefined).label} belongs to and leads to: owners, what it owns, services, ingresses, autoscalers and budgets, and the ConfigMaps, Secrets and claims that its pods name (names only).`,
    input: z.strictObject({ ...Fields, ...contextField(clusters) }),
    argumentAliases: { resource_type: "kind", resource_name: "name" },
    effect: "read",
    timeoutMs: 30_000,
    access: ({ context, ...input }, { signal }) => accessOf(clusters.of(context), input, signal),
    async run({ context, depth, ...at }, { signal }) {
      const cluster = clusters.of(context);
      const { ref, metadata } = await readRoot(cluster, at, signal);
      const now = new Date();
      const request = { namespace: ref.namespace, lists: new Set(LISTS), now, signal };
      const { snapshot, missing } = await loadSnapshot(cluster, request);
      const unread = LISTS.filter((list) => missing.has(list));
      const note = unread.length === 0 ? "" : ` Not looked at, because they could not be read: ${unread.join(", ")}.`;
      return textOutput({
        summary: `What ${nameOf(ref)} of the ${cluster.label} belongs to and leads to.${note}`,
        text: treeLines({
          root: ref,
          metadata,
          graph: graphOf(snapshot),
          snapshot,
          depth,
          unread: new Set(unread),
        }).join("\n"),
        keep: "beginning",
        narrow: "depth",
      });
    },
  });
}

async function accessOf(
  cluster: Cluster,
  { apiVersion, kind, name, namespace }: Input,
  signal: AbortSignal,
): Promise<Access[]> {
  const found = await cluster.kinds.find(kind, { apiVersion, signal });
  const scope = scopeOf(cluster, { namespace });
  const at = { namespace: found.isNamespaced ? scope.namespace : undefined, name };
  const lists = LISTS.map((list) => builtInKind(kindOf[list]));
  return [getAccess(cluster, found, at), ...listAccess(cluster, lists, { namespace: at.namespace })];
}

import { z } from "zod";
import { defineTool, type Tool } from "../tools/tool.ts";
import { builtInKind } from "./built-in-kinds.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { Selector } from "./namespace-rule.ts";
import { readAll } from "./object-list.ts";
import { rowsOutput } from "./shape.ts";
import { agoOf } from "./times.ts";

const maxLimit = 500;
const maxFetched = 2_000;

const Status = z.object({ phase: z.string() });

export function createListNamespaces(clusters: Clusters): Tool {
  return defineTool({
    name: "k8s_list_namespaces",
    aliases: ["list_namespaces"],
    description: `Lists the namespaces of the ${clusters.of(undefined).label}.`,
    input: z.strictObject({
      labelSelector: Selector.optional().describe("For example team=shop."),
      limit: z.int().min(1).max(maxLimit).default(100).describe("Rows to show."),
      ...contextField(clusters),
    }),
    argumentAliases: { label_selector: "labelSelector", output_format: "" },
    effect: "read",
    timeoutMs: 15_000,
    access: ({ context }) => [
      { system: "kubernetes", verb: "list", cluster: clusters.of(context).name, group: "", kind: "Namespace" },
    ],
    async run({ labelSelector, limit, context }, { signal }) {
      const cluster = clusters.of(context);
      const { items, isPartial } = await readAll(cluster, builtInKind("Namespace"), {
        labelSelector,
        limit: maxFetched,
        signal,
      });
      const found = items.filter(({ metadata }) => cluster.namespaces.allows(metadata.name ?? ""));
      const now = new Date();
      const rows = found
        .slice(0, limit)
        .map(({ metadata, status }) => [
          metadata.name ?? "",
          Status.safeParse(status).data?.phase ?? "Unknown",
          agoOf(metadata.creationTimestamp ?? undefined, now),
        ]);
      const total = `${isPartial ? "More than " : ""}${found.length}`;
      return rowsOutput({
        summary: `${total} namespace${found.length === 1 ? "" : "s"} in the ${cluster.label}.`,
        header: ["NAME", "STATUS", "AGE"],
        ...{ rows, total: found.length, isMore: isPartial, narrow: "labelSelector" },
      });
    },
  });
}

import { z } from "zod";
import { defineTool, type Tool } from "../tools/tool.ts";
import { ageOf } from "./age.ts";
import { asking } from "./api-failure.ts";
import { abortableBy, type Cluster } from "./cluster.ts";
import { Selector } from "./namespace-rule.ts";
import { toTable } from "./table.ts";

const FETCHED = 500;

export function createListNamespaces(cluster: Cluster): Tool {
  return defineTool({
    name: "k8s_list_namespaces",
    aliases: ["list_namespaces"],
    description: `Lists the namespaces of the ${cluster.label}.`,
    input: z.strictObject({
      labelSelector: Selector.optional().describe("For example team=shop."),
      limit: z.int().min(1).max(FETCHED).default(100).describe("Rows to show."),
    }),
    argumentAliases: { label_selector: "labelSelector", output_format: "" },
    effect: "read",
    timeoutMs: 15_000,
    async run({ labelSelector, limit }, { signal }) {
      const request = { limit: FETCHED, timeoutSeconds: 10, ...(labelSelector === undefined ? {} : { labelSelector }) };
      const list = () => cluster.core.listNamespace(request, abortableBy(signal));
      const { items, metadata } = await asking(cluster, { what: "namespaces" }, list, signal);
      const found = items.filter((item) => cluster.namespaces.allows(item.metadata?.name ?? ""));
      const now = new Date();
      const rows = found
        .slice(0, limit)
        .map((item) => [
          item.metadata?.name ?? "",
          item.status?.phase ?? "Unknown",
          ageOf(item.metadata?.creationTimestamp, now),
        ]);
      const isPartial = (metadata?._continue ?? "") !== "";
      const total = isPartial ? `More than ${found.length}` : String(found.length);
      const summary = `${total} namespace${found.length === 1 ? "" : "s"} in the ${cluster.label}.`;
      const note =
        rows.length < found.length ? [`Shown ${rows.length} of ${found.length}; narrow with labelSelector.`] : [];
      const truncated = isPartial || note.length > 0;
      return { text: [summary, toTable(["NAME", "STATUS", "AGE"], rows), ...note].join("\n"), truncated };
    },
  });
}

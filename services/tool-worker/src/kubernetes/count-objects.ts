import { z } from "zod";
import { defineTool, type Tool, type ToolOutput } from "../tools/tool.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { textAt } from "./json-path.ts";
import { Namespace, Selector } from "./namespace-rule.ts";
import { readAll, requireNamespace, type KubeObject } from "./object-list.ts";
import { accessTo, apiVersionField, findPlace, kindField, placeWords } from "./object-place.ts";
import { rowsOutput } from "./shape.ts";

/** A pod is some 10 KB, without all but its metadata 2 KB. */
const maxObjects = 5_000;

const metadataOnly = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
const labelPrefix = "label:";

const fields = {
  kind: kindField,
  apiVersion: apiVersionField,
  namespace: Namespace.optional().describe("Only this namespace. Left out: all that may be read."),
  labelSelector: Selector.optional().describe("For example app=shop."),
  fieldSelector: Selector.optional().describe("For example status.phase=Running."),
  groupBy: z
    .string()
    .max(317)
    .regex(
      /^(?:namespace|node|phase|label:[A-Za-z0-9][A-Za-z0-9_./-]*)$/,
      "must be namespace, node, phase or label:<key>",
    )
    .optional()
    .describe("Count for each namespace, node, phase or value of a label (label:app)."),
};

export function createCount(clusters: Clusters): Tool {
  const { label } = clusters.of(undefined);
  return defineTool({
    name: "k8s_count",
    description: `Counts objects of a kind in the ${label}, in groups if wanted.`,
    input: z.strictObject({ ...fields, ...contextField(clusters) }),
    argumentAliases: { resource_type: "kind", group_by: "groupBy" },
    effect: "read",
    timeoutMs: 30_000,
    access: async (input, { signal }) => {
      const cluster = clusters.of(input.context);
      return accessTo(cluster, "list", await findPlace(cluster, wantedOf(input), signal));
    },
    async run(input, { signal }) {
      const cluster = clusters.of(input.context);
      const place = await findPlace(cluster, wantedOf(input), signal);
      const { labelSelector, fieldSelector, groupBy } = input;
      const needsWhole = groupBy === "node" || groupBy === "phase";
      const { items, isPartial } = await readAll(cluster, place.kind, {
        ...{ namespace: place.namespace, labelSelector, fieldSelector, limit: maxObjects, signal },
        ...(needsWhole ? {} : { accept: metadataOnly }),
      });
      if (items.length === 0 && place.namespace !== undefined) await requireNamespace(cluster, place.namespace, signal);
      const what = items.length === 1 ? place.kind.singular : place.kind.plural;
      const summary = `${isPartial ? "More than " : ""}${items.length} ${what} ${placeWords(cluster, place)}.`;
      return groupBy === undefined
        ? { text: summary, truncated: isPartial }
        : grouped(items, groupBy, { summary, isPartial });
    },
  });
}

function wantedOf<Input extends { readonly namespace?: string | undefined }>(input: Input) {
  return { ...input, allNamespaces: input.namespace === undefined };
}

function grouped(
  items: readonly KubeObject[],
  groupBy: string,
  { summary, isPartial }: { summary: string; isPartial: boolean },
): ToolOutput {
  const counts = new Map<string, number>();
  for (const item of items) {
    const group = groupOf(item, groupBy);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  const rows = [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([group, count]) => [group, String(count)]);
  const title = groupBy.startsWith(labelPrefix) ? groupBy.slice(labelPrefix.length) : groupBy;
  return rowsOutput({
    ...{ summary, header: [title.toUpperCase(), "COUNT"], rows },
    ...{ total: rows.length, isMore: isPartial, narrow: "namespace, labelSelector or fieldSelector" },
  });
}

function groupOf(item: KubeObject, groupBy: string): string {
  const none = "(none)";
  if (groupBy === "namespace") return item.metadata.namespace ?? none;
  if (groupBy === "node") return textAt(item, "spec.nodeName") ?? none;
  if (groupBy === "phase") return textAt(item, "status.phase") ?? none;
  return item.metadata.labels?.[groupBy.slice(labelPrefix.length)] ?? none;
}

import { z } from "zod";
import { defineTool, type Tool } from "../tools/tool.ts";
import { contextField, type Clusters } from "./clusters.ts";
import type { ResourceKind } from "./kube-api.ts";
import { rowsOutput } from "./shape.ts";

const fields = {
  group: z.string().max(253).optional().describe("Only this group, such as apps; core for the one without a name."),
  namespaced: z.boolean().optional().describe("Only kinds whose objects are in a namespace, or only the others."),
  verbs: z
    .array(z.string().max(30))
    .max(10)
    .optional()
    .describe("Only kinds that take all of these, such as list, delete."),
};

export function createApiResources(clusters: Clusters): Tool {
  const { label } = clusters.of(undefined);
  return defineTool({
    name: "k8s_api_resources",
    description: `Lists the kinds of objects that the ${label} has, custom ones too, with their short names.`,
    input: z.strictObject({ ...fields, ...contextField(clusters) }),
    argumentAliases: { api_group: "group" },
    effect: "read",
    timeoutMs: 20_000,
    async run({ group, namespaced, verbs = [], context }, { signal }) {
      const cluster = clusters.of(context);
      const all = await cluster.kinds.all(signal);
      const found = all.filter(
        (kind) =>
          (group === undefined || kind.group === (group === "core" ? "" : group)) &&
          (namespaced === undefined || kind.isNamespaced === namespaced) &&
          verbs.every((verb) => kind.verbs.includes(verb)),
      );
      return rowsOutput({
        summary: `${found.length} of ${all.length} kinds of the ${cluster.label}.`,
        header: ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", "VERBS"],
        rows: found.map(rowOf),
        ...{ total: found.length, narrow: "group, namespaced or verbs" },
      });
    },
  });
}

function rowOf({ group, version, kind, plural, shortNames, isNamespaced, verbs }: ResourceKind): string[] {
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return [plural, shortNames.join(","), apiVersion, String(isNamespaced), kind, verbWords(verbs)];
}

const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

function verbWords(verbs: readonly string[]): string {
  const others = verbs.filter((verb) => !allVerbs.includes(verb));
  return allVerbs.every((verb) => verbs.includes(verb)) ? ["all", ...others].join(",") : verbs.join(",");
}

import { z } from "zod";
import { defineTool, type Tool } from "../tools/tool.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { apiVersionField, kindField } from "./object-place.ts";
import { explainKind } from "./open-api.ts";
import { textOutput } from "./shape.ts";
import { toCell, toTable } from "./table.ts";

const maxDescription = 160;

export function createExplain(clusters: Clusters): Tool {
  const { label } = clusters.of(undefined);
  return defineTool({
    name: "k8s_explain",
    description: `Explains a kind of the ${label} or a field of it, as the cluster itself describes it: what fields there are, of which type, and what they mean.`,
    input: z.strictObject({
      kind: kindField,
      apiVersion: apiVersionField,
      fieldPath: z
        .string()
        .max(300)
        .regex(/^\.?[A-Za-z0-9_$-]+(?:\.[A-Za-z0-9_$-]+)*$/, "is not a path such as spec.template.spec")
        .optional()
        .describe("For example spec.template.spec.containers. Left out: the kind itself."),
      ...contextField(clusters),
    }),
    argumentAliases: { resource_type: "kind", field_path: "fieldPath", field: "fieldPath" },
    effect: "read",
    timeoutMs: 20_000,
    async run({ kind: name, apiVersion, fieldPath = "", context }, { signal }) {
      const cluster = clusters.of(context);
      const kind = await cluster.kinds.find(name, { apiVersion, signal });
      const path = fieldPath.split(".").filter(Boolean);
      const { type, description, fields } = await explainKind(cluster.reader, kind, path, signal);
      const version = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
      const rows = fields.map((field) => [
        field.name,
        field.type,
        field.isRequired ? "yes" : "no",
        toCell(shortened(field.description)),
      ]);
      const table = rows.length === 0 ? "" : toTable(["FIELD", "TYPE", "REQUIRED", "MEANING"], rows);
      const what = [kind.kind, ...path].join(".");
      return textOutput({
        summary: `${what} (${version}) of the ${cluster.label}:`,
        text: [`Type: ${type}`, description, table].filter(Boolean).join("\n\n"),
        ...{ keep: "beginning", narrow: "fieldPath" },
      });
    },
  });
}

function shortened(text: string): string {
  const [first = ""] = text.split(/(?<=\.)\s/);
  const sentence = first.length > maxDescription / 4 ? first : text;
  return sentence.length > maxDescription ? `${sentence.slice(0, maxDescription).toWellFormed()}…` : sentence;
}

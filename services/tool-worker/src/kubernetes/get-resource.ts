import { z } from "zod";
import { defineTool, type Tool, type ToolOutput } from "../tools/tool.ts";
import { contextField, type Clusters } from "./clusters.ts";
import { factsOf } from "./object-facts.ts";
import { maxPathChars, parsePath, valueAt, valuesAt } from "./json-path.ts";
import { cleanObject, maskObject } from "./masking.ts";
import { ObjectName } from "./namespace-rule.ts";
import { readObject } from "./object-list.ts";
import { accessTo, apiVersionField, findPlace, kindField, namespaceField, placeWords } from "./object-place.ts";
import { cellText } from "./object-table.ts";
import { textOutput } from "./shape.ts";
import { yamlText } from "./yaml-text.ts";

const maxBytes = 12_000;

const fields = {
  kind: kindField,
  name: ObjectName.describe("Name of the object."),
  apiVersion: apiVersionField,
  namespace: namespaceField,
  view: z
    .enum(["summary", "status", "spec", "yaml"])
    .default("summary")
    .describe("summary: what matters of it. yaml: all of it, with secrets hidden."),
  jsonPath: z
    .string()
    .min(1)
    .max(maxPathChars)
    .optional()
    .describe(
      "Only the values at this path, such as .spec.containers[*].image; without filters. view is then ignored.",
    ),
  maxBytes: z.int().min(1_500).max(maxBytes).default(maxBytes).describe("The most to show."),
};

export function createGetResource(clusters: Clusters): Tool {
  const { label } = clusters.of(undefined);
  return defineTool({
    name: "k8s_get_resource",
    description: `Reads one object of any kind of the ${label}: a summary, its status, its spec, all of it as YAML, or the values at a path. Secrets are hidden.`,
    input: z.strictObject({ ...fields, ...contextField(clusters) }),
    argumentAliases: { resource_type: "kind", resource_name: "name" },
    effect: "read",
    timeoutMs: 15_000,
    access: async (input, { signal }) => {
      const cluster = clusters.of(input.context);
      return accessTo(cluster, "get", await findPlace(cluster, input, signal));
    },
    async run(input, { signal }) {
      const cluster = clusters.of(input.context);
      const place = await findPlace(cluster, input, signal);
      const { kind, namespace } = place;
      const object = await readObject(cluster, kind, { namespace, name: input.name }, signal);
      const shown = maskObject(cleanObject(object), kind.kind);
      return shownAs(shown, input, placeWords(cluster, place));
    },
  });
}

interface Wanted {
  readonly view: "summary" | "status" | "spec" | "yaml";
  readonly jsonPath?: string | undefined;
  readonly maxBytes: number;
}

/** `object`: already masked, so that no path leads to what is hidden. */
function shownAs(object: unknown, { view, jsonPath, maxBytes }: Wanted, title: string): ToolOutput {
  const output = (what: string, text: string): ToolOutput =>
    textOutput({ summary: `${what}${title}.`, text, keep: "beginning", narrow: "jsonPath", maxBytes });
  if (jsonPath !== undefined) {
    const values = valuesAt(object, parsePath(jsonPath));
    if (values.length === 0) return output(`There is nothing at ${jsonPath} of `, "");
    return output(
      `${values.length === 1 ? "The value" : `${values.length} values`} at ${jsonPath} of `,
      values.map(lineOf).join("\n"),
    );
  }
  if (view === "yaml") return output("", yamlText(object));
  if (view === "summary") return output("", factsOf(object, new Date()).join("\n"));
  const part = valueAt(object, view);
  return part === undefined ? output(`There is no ${view} of `, "") : output(`The ${view} of `, yamlText(part));
}

function lineOf(value: unknown): string {
  return typeof value === "object" && value !== null ? yamlText(value).trimEnd() : cellText(value);
}

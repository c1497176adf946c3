import { isFields, type Fields } from "./fields.ts";
import type { ModelTool } from "./model.ts";

/** Words of JSON Schema that every server knows which knows any. */
const plainWords: ReadonlySet<string> = new Set(["type", "description", "properties", "required", "items", "enum"]);
/** What is nested deeper is anything. */
const maxDepth = 32;

/**
 * A tool with a schema that says less: Gemini knows few words of JSON Schema, llama.cpp makes a grammar of what it knows, Ollama takes one type only.
 * What the schema then lets pass the tool itself refuses, in words that the model reads.
 */
export function plainTool(tool: ModelTool): ModelTool {
  const { parameters } = tool.function;
  return parameters === undefined
    ? tool
    : { ...tool, function: { ...tool.function, parameters: plain(parameters, 0) } };
}

function plain(schema: unknown, depth: number): Record<string, unknown> {
  if (!isFields(schema) || depth > maxDepth) return {};
  const { anyOf, oneOf, const: only } = schema;
  const branch = branchOf(anyOf) ?? branchOf(oneOf);
  if (branch !== undefined) return plain({ ...described(schema), ...branch }, depth + 1);
  const kept = Object.entries(schema).filter(([name]) => plainWords.has(name));
  const said = Object.fromEntries(kept.flatMap(([name, value]) => wordOf(name, value, depth)));
  return typeof only === "string" ? { ...said, enum: [only] } : said;
}

/** The first that is not null. */
function branchOf(branches: unknown): Fields | undefined {
  if (!Array.isArray(branches)) return undefined;
  return branches.find((branch): branch is Fields => isFields(branch) && branch["type"] !== "null");
}

function described({ description }: Fields): Fields {
  return description === undefined ? {} : { description };
}

function wordOf(name: string, value: unknown, depth: number): [string, unknown][] {
  switch (name) {
    case "properties":
      return isFields(value)
        ? [[name, Object.fromEntries(Object.entries(value).map(([each, inner]) => [each, plain(inner, depth + 1)]))]]
        : [];
    case "items":
      return [[name, plain(value, depth + 1)]];
    case "type":
      return [[name, Array.isArray(value) ? (value.find((type) => type !== "null") ?? "null") : value]];
    case "enum":
      // Gemini knows texts only.
      return Array.isArray(value) && value.every((one) => typeof one === "string") ? [[name, value]] : [];
    default:
      return [[name, value]];
  }
}

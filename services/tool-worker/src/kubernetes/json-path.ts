import { ToolError } from "../tools/tool.ts";

type Step = { readonly name: string } | { readonly index: number } | { readonly every: true };

export const maxPathChars = 200;
const maxValues = 1_000;

/**
 * A path as kubectl's jsonpath has them, without filters, slices, and looking at all depths: `.spec.containers[*].image`, `{.metadata.labels['app']}`. A
 * ToolError says what is wrong with one.
 */
export function parsePath(path: string): readonly Step[] {
  const text = path
    .trim()
    .replace(/^\{(.*)\}$/, "$1")
    .replace(/^\$/, "");
  const steps: Step[] = [];
  const token = /\.([A-Za-z0-9_$/-]+(?:\\\.[A-Za-z0-9_$/-]+)*)|\[(\d{1,6})\]|\[\*\]|\.\*|\[(?:'([^']*)'|"([^"]*)")\]/y;
  const rest = text.startsWith(".") || text.startsWith("[") || text === "" ? text : `.${text}`;
  while (token.lastIndex < rest.length) {
    const from = token.lastIndex;
    const match = token.exec(rest);
    if (match === null)
      throw new ToolError(
        `The path is not understood from ${JSON.stringify(rest.slice(from, from + 20))} on; write it like .spec.containers[*].image.`,
      );
    const [, name, index, single, double] = match;
    const quoted = single ?? double;
    if (name !== undefined) steps.push({ name: name.replaceAll("\\.", ".") });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else steps.push(quoted === undefined ? { every: true } : { name: quoted });
  }
  return steps;
}

/** All values at a path; none where it ends before. */
export function valuesAt(object: unknown, path: readonly Step[]): readonly unknown[] {
  let values: readonly unknown[] = [object];
  for (const step of path) values = values.flatMap((value) => below(value, step)).slice(0, maxValues);
  return values;
}

function below(value: unknown, step: Step): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if ("every" in step) return Object.values(value);
  if ("index" in step) return Array.isArray(value) ? value.slice(step.index, step.index + 1) : [];
  const entry = Object.entries(value).find(([name]) => name === step.name);
  return entry === undefined ? [] : [entry[1]];
}

/** One value, by names with dots between. */
export function valueAt(object: unknown, names: string): unknown {
  return valuesAt(
    object,
    names.split(".").map((name) => ({ name })),
  )[0];
}

export function textAt(object: unknown, names: string): string | undefined {
  const value = valueAt(object, names);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

export function listAt(object: unknown, names: string): readonly unknown[] {
  const value = valueAt(object, names);
  return Array.isArray(value) ? value : [];
}

/** `a=1, b=2` of what is a map of plain values. */
export function pairsAt(object: unknown, names: string): string | undefined {
  const value = valueAt(object, names);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value)
    .map(([key, one]) => `${key}=${String(one)}`)
    .join(", ");
}

import { cleanObject, maskObject } from "./masking.ts";

/** Made by controllers for each revision, and what they keep it with: it says nothing of the pods. */
const SKIPPED = new Set(["pod-template-hash", "controller-revision-hash", "creationTimestamp", "$patch"]);

/**
 * How one template of pods differs from another, a line for each field: `-` as in the first, `+` as in the second, in the order of the fields. Secrets are hidden; two
 * values that are hidden alike are not told apart.
 */
export function templateDiff(from: unknown, to: unknown): string[] {
  const [before, after] = [fieldsOf(from), fieldsOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])].toSorted().flatMap((path) => {
    const [was, is] = [before.get(path), after.get(path)];
    if (was === is) return [];
    return [...(was === undefined ? [] : [`- ${path}: ${was}`]), ...(is === undefined ? [] : [`+ ${path}: ${is}`])];
  });
}

function fieldsOf(template: unknown): Map<string, string> {
  const fields = new Map<string, string>();
  collect(maskObject(cleanObject(template)), "", fields);
  return fields;
}

function collect(value: unknown, path: string, fields: Map<string, string>): void {
  if (typeof value !== "object" || value === null) {
    if (value !== null && value !== undefined) fields.set(path, JSON.stringify(value));
    return;
  }
  for (const [name, one] of Array.isArray(value) ? itemsOf(value) : Object.entries(value)) {
    if (SKIPPED.has(name)) continue;
    collect(one, Array.isArray(value) ? `${path}[${name}]` : `${path}${path === "" ? "" : "."}${name}`, fields);
  }
}

/** What is in a list is known by its name where it has one: a container that is put before others does not change them. */
function itemsOf(list: readonly unknown[]): [string, unknown][] {
  return list.map((one, index) => [nameIn(one) ?? String(index), one]);
}

function nameIn(item: unknown): string | undefined {
  if (typeof item !== "object" || item === null || !("name" in item)) return undefined;
  return typeof item.name === "string" ? item.name : undefined;
}

import { isAssigned, stableFields, textAt, valueAt, type Field } from "./object-fields.ts";

/**
 * What changes from one state of an object to another, a line for each field: `-` as it is, `+` as it would be. Undefined: there is no object before, or
 * none afterwards. Empty: nothing changes.
 */
export function fieldDiff(before: unknown, after: unknown): readonly string[] {
  const old = before === undefined ? new Map<string, Field>() : stableFields(before);
  const young = after === undefined ? new Map<string, Field>() : stableFields(after);
  const changed = [...new Set([...old.keys(), ...young.keys()])]
    .toSorted()
    .filter((path) => old.get(path)?.is !== young.get(path)?.is)
    .filter((path) => old.has(path) || !isAssigned(path));
  const lines = changed.flatMap((path) => {
    const [was, is] = [old.get(path), young.get(path)];
    const isAnother = was?.shown === is?.shown ? " (another value)" : "";
    return [...(was ? [`-${path}: ${was.shown}`] : []), ...(is ? [`+${path}: ${is.shown}${isAnother}`] : [])];
  });
  const isHidden = changed.some((path) => old.get(path)?.isHidden === true);
  return isHidden ? [` ${stateOf(before)}`, ...lines] : lines;
}

/**
 * Where a value that is replaced may not be shown, its state stands for it, so that what was agreed to for one value is not done to another. A digest would
 * do the same, and give a short password away. States of what has a status are counted by generation: versions change with it.
 */
function stateOf(object: unknown): string {
  const generation = valueAt(object, ["metadata", "generation"]);
  if (typeof generation === "number") return `of generation ${generation}`;
  return `of version ${textAt(object, ["metadata", "resourceVersion"]) ?? "?"}`;
}

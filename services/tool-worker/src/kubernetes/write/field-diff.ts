import { stableFields } from "./object-fields.ts";

/**
 * What changes from one state of an object to another, a line for each field: `-` as it is, `+` as it would be. Undefined: there is no object before, or
 * none afterwards. Empty: nothing changes.
 */
export function fieldDiff(before: unknown, after: unknown): readonly string[] {
  const old = before === undefined ? new Map<string, string>() : stableFields(before);
  const young = after === undefined ? new Map<string, string>() : stableFields(after);
  return [...new Set([...old.keys(), ...young.keys()])].toSorted().flatMap((path) => {
    const [was, is] = [old.get(path), young.get(path)];
    if (was === is) return [];
    return [...(was === undefined ? [] : [`-${path}: ${was}`]), ...(is === undefined ? [] : [`+${path}: ${is}`])];
  });
}

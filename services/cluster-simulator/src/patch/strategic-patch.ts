import { badRequest } from "../api-status.ts";
import { at, isObject, isSame, type Json, type JsonObject, listAt, textAt } from "../json.ts";
import type { Schema, Schemas } from "../schema/schemas.ts";

const DIRECTIVE = "$patch";
const RETAIN = "$retainKeys";
const DELETE_PRIMITIVES = "$deleteFromPrimitiveList/";
const ORDER = "$setElementOrder/";

/** Kubernetes' strategic merge: as a merge patch, but lists whose schema names a merge key are merged entry by entry. */
export function strategicPatch(schemas: Schemas, schema: Schema, original: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const directive = textAt(patch, DIRECTIVE);
  if (directive === "replace") return withoutDirectives(patch);
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge") throw badRequest(`Unknown patch type: ${directive}`);
  const result = startOf(original, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE_PRIMITIVES)) withoutPrimitives(result, key.slice(DELETE_PRIMITIVES.length), value);
    else if (key.startsWith("$")) continue;
    else if (value === null) delete result[key];
    else result[key] = patchedField(schemas, schemas.field(schema, key), result[key], value);
  }
  return reordered(result, patch, schemas, schema);
}

function withoutPrimitives(result: JsonObject, name: string, gone: Json): void {
  const values = Array.isArray(gone) ? gone : [];
  result[name] = listAt(result, name).filter((entry) => !values.some((other) => isSame(entry, other)));
}

/** `$retainKeys` names all fields that may stay. */
function startOf(original: Json | undefined, patch: JsonObject): JsonObject {
  const own = isObject(original) ? { ...original } : {};
  const kept = patch[RETAIN];
  if (!Array.isArray(kept)) return own;
  return Object.fromEntries(Object.entries(own).filter(([key]) => kept.includes(key)));
}

function patchedField(schemas: Schemas, schema: Schema, original: Json | undefined, value: Json): Json {
  const isMerged = (textAt(schema, "x-kubernetes-patch-strategy") ?? "").split(",").includes("merge");
  if (!Array.isArray(value)) return strategicPatch(schemas, schema, original, value);
  const key = textAt(schema, "x-kubernetes-patch-merge-key");
  const own = Array.isArray(original) ? original : [];
  if (!isMerged) return value;
  if (key === undefined) return [...own, ...value.filter((entry) => !own.some((other) => isSame(entry, other)))];
  return mergedList(schemas, { item: schemas.item(schema), key }, own, value);
}

type ListRule = { item: Schema; key: string };

function mergedList(schemas: Schemas, { item, key }: ListRule, own: readonly Json[], patch: readonly Json[]): Json[] {
  if (patch.some((entry) => isSame(entry, { [DIRECTIVE]: "replace" })))
    return patch.filter((entry) => textAt(entry, DIRECTIVE) !== "replace");
  const merged = patch.map((entry) => {
    const id = at(entry, key);
    if (id === undefined)
      throw badRequest(`map: ${JSON.stringify(entry).slice(0, 200)} does not contain declared merge key: ${key}`);
    const place = own.findIndex((other) => isSame(at(other, key), id));
    const isDeleted = textAt(entry, DIRECTIVE) === "delete";
    return { place, id, value: isDeleted ? undefined : strategicPatch(schemas, item, own[place], entry) };
  });
  const untouched = own
    .map((value, place) => ({ place, value }))
    .filter(({ value }) => !merged.some(({ id }) => isSame(at(value, key), id)));
  return interleaved(untouched, merged);
}

type Placed = { place: number; value: Json | undefined };

/** Entries that a patch names keep its order, the others theirs; a new entry stands before those that the patch does not name. */
function interleaved(untouched: readonly Placed[], merged: readonly Placed[]): Json[] {
  const [left, right] = [[...untouched], [...merged]];
  const result: Placed[] = [];
  while (left.length > 0 && right.length > 0) {
    const isLeft =
      right[0] !== undefined && left[0] !== undefined && right[0].place !== -1 && left[0].place < right[0].place;
    result.push(...(isLeft ? left : right).splice(0, 1));
  }
  return [...result, ...left, ...right].flatMap(({ value }) => (value === undefined ? [] : [value]));
}

/** `$setElementOrder/x` says in which order the entries of x stand; those that it does not name stay behind. */
function reordered(result: JsonObject, patch: JsonObject, schemas: Schemas, schema: Schema): JsonObject {
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(ORDER) || !Array.isArray(order)) continue;
    const name = directive.slice(ORDER.length);
    const key = textAt(schemas.field(schema, name), "x-kubernetes-patch-merge-key");
    const idOf = (entry: Json): Json | undefined => (key === undefined ? entry : at(entry, key));
    const placeOf = (entry: Json): number => {
      const place = order.findIndex((other) => isSame(idOf(other), idOf(entry)));
      return place === -1 ? order.length : place;
    };
    const list = result[name];
    if (Array.isArray(list)) result[name] = list.toSorted((left, right) => placeOf(left) - placeOf(right));
  }
  return result;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => key !== DIRECTIVE));
}

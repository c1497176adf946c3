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
    if (key === DIRECTIVE || key === RETAIN || key.startsWith(ORDER)) continue;
    if (key.startsWith(DELETE_PRIMITIVES)) {
      const name = key.slice(DELETE_PRIMITIVES.length);
      const gone = Array.isArray(value) ? value : [];
      result[name] = listAt(result, name).filter((entry) => !gone.some((other) => isSame(entry, other)));
    } else if (value === null) delete result[key];
    else result[key] = patchedField(schemas, schemas.field(schema, key), result[key], value);
  }
  return reordered(result, patch, schemas, schema);
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
  let result = [...own];
  for (const entry of patch) {
    const id = at(entry, key);
    if (id === undefined)
      throw badRequest(`map: ${JSON.stringify(entry).slice(0, 200)} does not contain declared merge key: ${key}`);
    const place = result.findIndex((other) => isSame(at(other, key), id));
    if (textAt(entry, DIRECTIVE) === "delete") result = result.filter((_, index) => index !== place);
    else if (place === -1) result.push(strategicPatch(schemas, item, undefined, entry));
    else result[place] = strategicPatch(schemas, item, result[place], entry);
  }
  return result;
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

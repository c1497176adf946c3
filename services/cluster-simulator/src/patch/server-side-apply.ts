import { ApiStatus, type Cause } from "../api-status.ts";
import { at, isObject, isSame, type Json, type JsonObject } from "../json.ts";
import { isAtomicMap, isSet, mapKeys, type Schema, type Schemas } from "../schema/schemas.ts";
import { entryOfStep, type FieldSet, fieldsOf, isMember, pathText, stepsOfPath, valueOfPath } from "./field-set.ts";
import { isManager, type Managed, type Manager, readManaged } from "./managed-fields.ts";

export type Apply = { manager: Manager; force: boolean; time: string; apiVersion: string };

/**
 * Server-side apply. Somebody who applies a configuration manages exactly its fields: what others manage and have otherwise is a conflict unless
 * it is forced, and what was applied before, is not there any more and nobody else manages is taken away.
 */
export function applyConfiguration(
  schemas: Schemas,
  schema: Schema,
  live: JsonObject | undefined,
  request: { configuration: JsonObject } & Apply,
): { object: JsonObject; managed: Managed[] } {
  const { manager, force, time, apiVersion } = request;
  const configuration = withKeys(schemas, schema, request.configuration);
  const managed = readManaged(live ?? {});
  const fields = fieldsOf(schemas, schema, configuration);
  const others = managed.filter((entry) => !isManager(entry, manager));
  const disputed = live === undefined ? [] : disputes(live, configuration, fields, others);
  if (disputed.length > 0 && !force) throw conflicts(disputed);
  const taken = new Set(disputed.map(({ path }) => path));
  const before = managed.find((entry) => isManager(entry, manager))?.fields ?? new Set<string>();
  const kept = new Set([...fields, ...others.flatMap((entry) => [...entry.fields])]);
  const gone = [...before].filter((path) => !kept.has(path));
  const merged = merge(schemas, schema, live, configuration);
  const object = gone.reduce((value, path) => without(value, stepsOfPath(path)), merged);
  return {
    object: isObject(object) ? object : {},
    managed: [
      ...others.map((entry) => ({ ...entry, fields: new Set([...entry.fields].filter((path) => !taken.has(path))) })),
      {
        ...manager,
        apiVersion,
        time: isSame([...before].toSorted(), [...fields].toSorted())
          ? (managed.find((entry) => isManager(entry, manager))?.time ?? time)
          : time,
        fields,
      },
    ],
  };
}

/** With the keys of entries that have a default, which is how an API server finds the entry that is meant: a port is one of TCP if it does not say so. */
function withKeys<Value extends Json>(schemas: Schemas, schema: Schema, value: Value): Value;
function withKeys(schemas: Schemas, schema: Schema, value: Json): Json {
  if (isObject(value)) {
    const entries = Object.entries(value).map(
      ([key, field]) => [key, withKeys(schemas, schemas.field(schema, key), field)] as const,
    );
    return Object.fromEntries(entries);
  }
  if (!Array.isArray(value)) return value;
  const isPorts = mapKeys(schema)?.includes("protocol") === true;
  return value.map((entry) => {
    const whole = withKeys(schemas, schemas.item(schema), entry);
    return isPorts && isObject(whole) ? { protocol: "TCP", ...whole } : whole;
  });
}

type Dispute = { path: string; by: Managed };

function disputes(
  live: JsonObject,
  configuration: JsonObject,
  fields: FieldSet,
  others: readonly Managed[],
): Dispute[] {
  return [...fields].toSorted().flatMap((path) => {
    if (isMember(path) || isSame(valueOfPath(live, path), valueOfPath(configuration, path))) return [];
    return others.filter((entry) => entry.fields.has(path)).map((by) => ({ path, by }));
  });
}

function conflicts(disputed: readonly Dispute[]): ApiStatus {
  const causes: Cause[] = disputed.map(({ path, by }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with "${by.name}"${by.operation === "Update" ? ` using ${by.apiVersion}` : ""}`,
    field: pathText(path),
  }));
  const [first] = causes;
  const message =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${first?.message ?? ""}: ${first?.field ?? ""}`
      : `Apply failed with ${causes.length} conflicts: ${grouped(causes)}`;
  return new ApiStatus(409, "Conflict", message, { causes });
}

function grouped(causes: readonly Cause[]): string {
  const fields = new Map<string, string[]>();
  for (const { message, field } of causes) fields.set(message, [...(fields.get(message) ?? []), field]);
  return [...fields]
    .map(
      ([message, of]) => `${message.replace("conflict", "conflicts")}:\n${of.map((field) => `- ${field}`).join("\n")}`,
    )
    .join("\n");
}

function merge(schemas: Schemas, schema: Schema, live: Json | undefined, applied: Json): Json {
  if (isObject(applied)) {
    if (!isObject(live) || isAtomicMap(schema)) return applied;
    const entries = Object.entries(applied).map(
      ([key, value]) => [key, merge(schemas, schemas.field(schema, key), live[key], value)] as const,
    );
    return { ...live, ...Object.fromEntries(entries) };
  }
  if (!Array.isArray(applied) || !Array.isArray(live)) return applied;
  if (isSet(schema)) return [...live, ...applied.filter((entry) => !live.some((other) => isSame(entry, other)))];
  const keys = mapKeys(schema);
  return keys === undefined ? applied : mergeEntries(schemas, { item: schemas.item(schema), keys }, live, applied);
}

function mergeEntries(
  schemas: Schemas,
  { item, keys }: { item: Schema; keys: string[] },
  live: readonly Json[],
  applied: readonly Json[],
): Json[] {
  const result = [...live];
  for (const entry of applied) {
    const place = result.findIndex((other) => keys.every((key) => isSame(at(other, key), at(entry, key))));
    if (place === -1) result.push(entry);
    else result[place] = merge(schemas, item, result[place], entry);
  }
  return result;
}

/** The value without what a path names; an entry goes when its membership does. */
function without(value: Json, [step = "", ...rest]: readonly string[]): Json {
  if (step.startsWith("f:") && isObject(value)) {
    const key = step.slice(2);
    const { [key]: field, ...others } = value;
    if (field === undefined) return value;
    if (rest.length === 0) return others;
    const left = without(field, rest);
    return isEmpty(left) && !isEmpty(field) ? others : { ...value, [key]: left };
  }
  if (!Array.isArray(value)) return value;
  if (step.startsWith("v:")) return value.filter((entry) => `v:${JSON.stringify(entry)}` !== step);
  const found = entryOfStep(value, step);
  if (found === undefined) return value;
  if (rest[0] === ".") return value.filter((entry) => entry !== found);
  return value.map((entry) => (entry === found ? without(entry, rest) : entry));
}

function isEmpty(value: Json): boolean {
  return isSame(value, {}) || isSame(value, []);
}

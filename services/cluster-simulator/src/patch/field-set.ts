import { at, isObject, type Json, type JsonObject, objectAt, parseJson, setAt } from "../json.ts";
import { isAtomicMap, isSet, mapKeys, type Schema, type Schemas } from "../schema/schemas.ts";

/**
 * The fields that somebody manages, as paths. A step is written as in `fieldsV1`: `f:` and a field's name, `k:` and the keys of a list's
 * entry, `v:` and a value of a set. Steps are joined by a line feed, which no step contains: JSON writes it as an escape.
 */
export type FieldSet = ReadonlySet<string>;

const JOINT = "\n";
const MEMBER = ".";

/** Nobody manages what says which object it is, or what the server writes. */
const NOT_MANAGED = new Set(
  ["apiVersion", "kind", "status"].concat(
    [
      "name",
      "namespace",
      "uid",
      "resourceVersion",
      "creationTimestamp",
      "generation",
      "managedFields",
      "selfLink",
      "generateName",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
    ].map((name) => `metadata.${name}`),
  ),
);

/** The leaves of a value; of entries in lists, also that they are there. */
export function fieldsOf(schemas: Schemas, schema: Schema, value: JsonObject): FieldSet {
  const found = new Set<string>();
  collect({ schemas, found }, schema, value, []);
  return found;
}

type Collecting = { schemas: Schemas; found: Set<string> };

function collect(context: Collecting, schema: Schema, value: Json, path: readonly string[]): void {
  const isEmpty = isObject(value) && Object.keys(value).length === 0;
  if (isObject(value) && !isAtomicMap(schema) && (!isEmpty || path.length === 0))
    collectFields(context, schema, value, path);
  else if (Array.isArray(value) && isSet(schema))
    for (const entry of value) context.found.add([...path, `v:${JSON.stringify(entry)}`].join(JOINT));
  else if (Array.isArray(value) && mapKeys(schema) !== undefined) collectEntries(context, schema, value, path);
  else context.found.add(path.join(JOINT));
}

function collectFields(context: Collecting, schema: Schema, value: JsonObject, path: readonly string[]): void {
  for (const [key, entry] of Object.entries(value)) {
    const isManaged = path.length > 1 || !NOT_MANAGED.has([...path, key].join(".").replace("f:", ""));
    if (isManaged) collect(context, context.schemas.field(schema, key), entry, [...path, `f:${key}`]);
  }
}

function collectEntries(context: Collecting, schema: Schema, value: readonly Json[], path: readonly string[]): void {
  for (const entry of value) {
    const next = [...path, entryStep(entry, mapKeys(schema) ?? [])];
    context.found.add([...next, MEMBER].join(JOINT));
    collect(context, context.schemas.item(schema), entry, next);
  }
}

/** Keys stand in the order of the alphabet, so that the same entry has one name. */
function entryStep(entry: Json, keys: readonly string[]): string {
  const pairs = keys.toSorted().flatMap((key) => {
    const value = at(entry, key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return `k:${JSON.stringify(Object.fromEntries(pairs))}`;
}

export function toFieldsV1(fields: FieldSet): JsonObject {
  const result: JsonObject = {};
  for (const path of [...fields].toSorted()) {
    const steps = path.split(JOINT);
    if (steps.at(-1) === MEMBER || at(result, ...steps) === undefined) setAt(result, steps, {});
  }
  return result;
}

export function fromFieldsV1(value: Json | undefined): FieldSet {
  const found = new Set<string>();
  const visit = (entry: Json | undefined, path: readonly string[]): void => {
    const steps = isObject(entry) ? Object.entries(entry) : [];
    if (steps.length === 0 && path.length > 0) found.add(path.join(JOINT));
    for (const [step, next] of steps) visit(next, [...path, step]);
  };
  visit(value, []);
  return found;
}

/** A path as a refusal names it: `.spec.template.spec.containers[name="web"].image`. */
export function pathText(path: string): string {
  return path
    .split(JOINT)
    .filter((step) => step !== MEMBER)
    .map((step) => {
      if (step.startsWith("f:")) return `.${step.slice(2)}`;
      if (step.startsWith("v:")) return `[=${step.slice(2)}]`;
      const keys = Object.entries(keysOfStep(step));
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
    })
    .join("");
}

function keysOfStep(step: string): JsonObject {
  return objectAt(parseJson(step.slice(2)));
}

export function stepsOfPath(path: string): string[] {
  return path.split(JOINT);
}

export function isMember(path: string): boolean {
  return path.endsWith(JOINT + MEMBER);
}

/** The value that a path names, or undefined. */
export function valueOfPath(value: Json, path: string): Json | undefined {
  let current: Json | undefined = value;
  for (const step of stepsOfPath(path)) {
    if (step === MEMBER) return current;
    if (step.startsWith("f:")) current = at(current, step.slice(2));
    else if (step.startsWith("v:"))
      current = Array.isArray(current) ? current.find((entry) => `v:${JSON.stringify(entry)}` === step) : undefined;
    else current = entryOfStep(current, step);
  }
  return current;
}

export function entryOfStep(list: Json | undefined, step: string): Json | undefined {
  const keys = Object.entries(keysOfStep(step));
  if (!Array.isArray(list)) return undefined;
  return list.find((entry) => keys.every(([key, value]) => at(entry, key) === value));
}

import { isDeepStrictEqual } from "node:util";

/** What a JSON text can hold. Objects of the cluster stay in this shape: they are whatever clients make of them. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** Throws a SyntaxError for a text that is not JSON. */
export function parseJson(text: string): Json {
  return asJson(JSON.parse(text));
}

/** What a parser of JSON or YAML made. */
export function asJson(value: unknown): Json {
  if (!isJson(value)) throw new SyntaxError("this is not JSON");
  return value;
}

function isJson(value: unknown): value is Json {
  if (typeof value !== "object") return ["string", "number", "boolean"].includes(typeof value);
  // A field of this name would become the prototype of an object that it is copied into.
  return value === null || (!Object.hasOwn(value, "__proto__") && Object.values(value).every(isJson));
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path, or undefined where the path ends early. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let current = value;
  for (const step of path) {
    if (Array.isArray(current)) current = typeof step === "number" ? current[step] : undefined;
    else current = isObject(current) && Object.hasOwn(current, step) ? current[step] : undefined;
  }
  return current;
}

export function textAt(value: Json | undefined, ...path: readonly (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
}

export function numberAt(value: Json | undefined, ...path: readonly (string | number)[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" ? found : undefined;
}

/** The list at a path; an empty one where there is none. */
export function listAt(value: Json | undefined, ...path: readonly (string | number)[]): Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The object at a path; an empty one where there is none. */
export function objectAt(value: Json | undefined, ...path: readonly (string | number)[]): JsonObject {
  const found = at(value, ...path);
  return isObject(found) ? found : {};
}

/** The texts of a map at a path, such as labels. */
export function textsAt(value: Json | undefined, ...path: readonly (string | number)[]): Record<string, string> {
  const entries = Object.entries(objectAt(value, ...path));
  return Object.fromEntries(entries.flatMap(([key, text]) => (typeof text === "string" ? [[key, text]] : [])));
}

/** A text or number as text; nothing for what is neither. */
export function asText(value: Json | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** Sets a value in an object of the caller's own, and makes what is missing on the way. */
export function setAt(target: JsonObject, path: readonly string[], value: Json): void {
  const [last = ""] = path.slice(-1);
  let current = target;
  for (const step of path.slice(0, -1)) {
    const next = current[step];
    if (isObject(next)) current = next;
    else current = current[step] = {};
  }
  current[last] = value;
}

/** Sets a value only where there is none. */
export function setDefault(target: JsonObject, path: readonly string[], value: Json): void {
  if (at(target, ...path) === undefined) setAt(target, path, value);
}

export function isSame(left: Json | undefined, right: Json | undefined): boolean {
  return isDeepStrictEqual(left, right);
}

/** Without the fields that are undefined: JSON has none. */
export function compact(fields: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

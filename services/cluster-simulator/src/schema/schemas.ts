import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { at, isObject, type Json, type JsonObject, listAt, objectAt, parseJson, textAt } from "../json.ts";

const FILE = new URL("../../openapi/kubernetes.json.gz", import.meta.url);
const REFERENCE = "#/components/schemas/";

let read: JsonObject | undefined;

/** Once in a process: every cluster has the same kinds. */
function readDefinitions(): JsonObject {
  read ??= objectAt(parseJson(gunzipSync(readFileSync(FILE)).toString("utf8")), "schemas");
  return read;
}

export type Schemas = ReturnType<typeof loadSchemas>;
/** A schema whose references are followed; undefined where anything is allowed. */
export type Schema = JsonObject | undefined;

/** What Kubernetes' own OpenAPI documents say of the kinds: `scripts/cluster-openapi.mjs` extracted it. */
export function loadSchemas() {
  const definitions = readDefinitions();

  function resolve(schema: Json | undefined): Schema {
    if (!isObject(schema)) return undefined;
    const reference = textAt(schema, "$ref") ?? textAt(schema, "allOf", 0, "$ref");
    if (reference === undefined) return schema;
    const target = definitions[reference.slice(REFERENCE.length)];
    // What stands beside a reference (how a list is merged, for instance) is about this field and counts more.
    return isObject(target) ? { ...target, ...schema } : schema;
  }

  return {
    definitions,
    resolve,
    named: (name: string): Schema => resolve(definitions[name]),
    /** The schema of a field of an object. */
    field(schema: Schema, name: string): Schema {
      return resolve(at(schema, "properties", name) ?? at(schema, "additionalProperties"));
    },
    item: (schema: Schema): Schema => resolve(at(schema, "items")),
    /** Definitions that these schemas need, themselves included. */
    needed(names: readonly string[]): JsonObject {
      const found = new Set(names);
      for (const name of found) {
        for (const [, next = ""] of JSON.stringify(definitions[name] ?? {}).matchAll(
          /#\/components\/schemas\/([^"]+)/g,
        ))
          found.add(next);
      }
      return Object.fromEntries([...found].toSorted().flatMap((name) => entryOf(definitions, name)));
    },
  };
}

function entryOf(definitions: JsonObject, name: string): [string, Json][] {
  const definition = definitions[name];
  return definition === undefined ? [] : [[name, definition]];
}

/** The fields by which the entries of a list are told apart when it is applied, or undefined for a list that is one value. */
export function mapKeys(schema: Schema): string[] | undefined {
  if (textAt(schema, "x-kubernetes-list-type") !== "map") return undefined;
  return listAt(schema, "x-kubernetes-list-map-keys").filter((key) => typeof key === "string");
}

export function isSet(schema: Schema): boolean {
  return textAt(schema, "x-kubernetes-list-type") === "set";
}

/** Whether a map is one value, which is replaced whole. */
export function isAtomicMap(schema: Schema): boolean {
  return textAt(schema, "x-kubernetes-map-type") === "atomic";
}

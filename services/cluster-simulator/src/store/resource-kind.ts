import type { Cause } from "../api-status.ts";
import type { JsonObject } from "../json.ts";
import { type KubeObject, nameOf, namespaceOf } from "../kube-object.ts";
import type { Schema } from "../schema/schemas.ts";
import type { SelectableFields } from "../selectors.ts";

/** A column as `kubectl` prints it; a wide one is shown by `-o wide` only. */
export type Column = { name: string; wide?: true; cell: (object: KubeObject, nowMs: number) => string | number };

export type Subresource = "status" | "scale" | "log" | "exec" | "eviction";

/** An object that is being made or changed; what the server itself sets may still be missing. */
export type Draft = JsonObject & { metadata: JsonObject };

/** A kind of object that the API serves. */
export type ResourceKind = {
  group: string;
  version: string;
  plural: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  shortNames: readonly string[];
  categories: readonly string[];
  subresources: readonly Subresource[];
  verbs: readonly string[];
  columns: readonly Column[];
  /** The name of its definition in the OpenAPI documents; undefined for a custom kind. */
  definition: string | undefined;
  schema: Schema;
  fields: (object: KubeObject) => SelectableFields;
  /** Puts in what a client may leave out. */
  addDefaults: (draft: Draft) => void;
  /** What an API server refuses beyond its schema; `before` is the object that is changed. */
  problems: (draft: Draft, before: KubeObject | undefined) => Cause[];
};

export type Place = { namespace: string | undefined; name: string };

export function apiVersionOf({ group, version }: Pick<ResourceKind, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}

/** The name of a kind among all: two groups may have the same plural. */
export function resourceId({ group, plural }: Pick<ResourceKind, "group" | "plural">): string {
  return group === "" ? plural : `${plural}.${group}`;
}

export function placeKey({ namespace, name }: Place): string {
  return `${namespace ?? ""}/${name}`;
}

/** Fields by which objects of every kind can be selected. */
export function commonFields(object: KubeObject): SelectableFields {
  const namespace = namespaceOf(object);
  return { "metadata.name": nameOf(object), ...(namespace !== undefined && { "metadata.namespace": namespace }) };
}

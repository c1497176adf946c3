import type { ClusterView } from "./cluster.ts";
import type { SelectableFields } from "./selectors.ts";
import type { KubeObject } from "./kube-types.ts";

/** A column as `kubectl` prints it; priority 1 is shown by `-o wide` only. */
export type Column<T> = { name: string; wide?: true; cell: (object: T, view: ClusterView) => string | number };

/** One object with what a list needs of it. */
export type ListedObject = { object: KubeObject; fields: SelectableFields; cells: () => (string | number)[] };

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
  /** Verbs beyond get and list. */
  writes: readonly string[];
  columns: readonly { name: string; wide?: true }[];
  list: (view: ClusterView) => ListedObject[];
};

export type ResourceDefinition<T extends KubeObject> = {
  apiVersion: string;
  plural: string;
  kind: string;
  namespaced?: false;
  shortNames?: readonly string[];
  categories?: readonly string[];
  writes?: readonly string[];
  columns: readonly Column<T>[];
  objects: (view: ClusterView) => T[];
  fields?: (object: T) => SelectableFields;
};

/** Makes a kind of object servable. The type of its objects stays inside; outside, all kinds look the same. */
export function defineResource<T extends KubeObject>(definition: ResourceDefinition<T>): ResourceKind {
  const { apiVersion, plural, kind, columns, objects, fields } = definition;
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return {
    group: group ?? "",
    version: version ?? "",
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced: definition.namespaced ?? true,
    shortNames: definition.shortNames ?? [],
    categories: definition.categories ?? [],
    writes: definition.writes ?? [],
    columns: columns.map(({ name, wide }) => ({ name, ...(wide && { wide }) })),
    list: (view) =>
      objects(view)
        .map((object) => ({
          object,
          fields: { ...baseFields(object), ...fields?.(object) },
          cells: () => columns.map((column) => column.cell(object, view)),
        }))
        .toSorted((left, right) => compareKeys(keyOf(left.object), keyOf(right.object))),
  };
}

function baseFields({ metadata }: KubeObject): SelectableFields {
  const { name, namespace } = metadata;
  return { "metadata.name": name, ...(namespace !== undefined && { "metadata.namespace": namespace }) };
}

/** The order of lists: that of the keys under which an API server stores its objects. */
export function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function compareKeys(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

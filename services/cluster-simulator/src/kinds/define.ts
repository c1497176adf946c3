import type { Cause } from "../api-status.ts";
import type { KubeObject } from "../kube-object.ts";
import type { Schemas } from "../schema/schemas.ts";
import type { SelectableFields } from "../selectors.ts";
import { type Column, commonFields, type Draft, type ResourceKind, type Subresource } from "../store/resource-kind.ts";
import { nameProblems } from "./name-problems.ts";

export const ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;

export type KindDefinition = {
  apiVersion: string;
  plural: string;
  kind: string;
  /** The name of its definition in the OpenAPI documents, without `io.k8s.`. */
  definition: string;
  namespaced?: false;
  shortNames?: readonly string[];
  categories?: readonly string[];
  subresources?: readonly Subresource[];
  columns: readonly Column[];
  fields?: (object: KubeObject) => SelectableFields;
  addDefaults?: (draft: Draft) => void;
  problems?: (draft: Draft, before: KubeObject | undefined) => Cause[];
  /** Names that may have dots and more, as those of roles. */
  hasPathName?: true;
};

export function defineKind(schemas: Schemas, definition: KindDefinition): ResourceKind {
  const { apiVersion, plural, kind, fields, addDefaults, problems, hasPathName } = definition;
  const [first = "", second] = apiVersion.split("/");
  return {
    group: second === undefined ? "" : first,
    version: second ?? first,
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced: definition.namespaced ?? true,
    shortNames: definition.shortNames ?? [],
    categories: definition.categories ?? [],
    subresources: definition.subresources ?? [],
    verbs: ALL_VERBS,
    columns: definition.columns,
    definition: `io.k8s.${definition.definition}`,
    schema: schemas.named(`io.k8s.${definition.definition}`),
    fields: (object) => ({ ...commonFields(object), ...fields?.(object) }),
    addDefaults: (draft) => addDefaults?.(draft),
    problems: (draft, before) => [...(hasPathName ? [] : nameProblems(draft)), ...(problems?.(draft, before) ?? [])],
  };
}

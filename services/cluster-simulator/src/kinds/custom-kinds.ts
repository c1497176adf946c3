import { at, isObject, type Json, listAt, objectAt, textAt } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";
import type { Schemas } from "../schema/schemas.ts";
import { commonFields, type Column, type ResourceKind, type Subresource } from "../store/resource-kind.ts";
import { AGE, column, NAME } from "./columns.ts";
import { ALL_VERBS, type KindDefinition } from "./define.ts";
import { invalidValue, nameProblems } from "./name-problems.ts";

/** The kind whose objects define further kinds. */
export const DEFINITION_KIND: KindDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  definition: "apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
  namespaced: false,
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  subresources: ["status"],
  columns: [NAME, { name: "Created At", cell: ({ metadata }) => metadata.creationTimestamp }],
  problems: (draft) => {
    const wanted = `${textAt(draft, "spec", "names", "plural") ?? ""}.${textAt(draft, "spec", "group") ?? ""}`;
    const name = textAt(draft, "metadata", "name");
    return name === wanted ? [] : [invalidValue("metadata.name", name, `must be spec.names.plural+"."+spec.group`)];
  },
};

/** The kinds that a definition adds, one for each version that is served. */
export function kindsOfDefinition(schemas: Schemas, definition: KubeObject): ResourceKind[] {
  const names = objectAt(definition, "spec", "names");
  const group = textAt(definition, "spec", "group") ?? "";
  return listAt(definition, "spec", "versions")
    .filter((version) => at(version, "served") === true)
    .map((version) => {
      const subresources: Subresource[] = isObject(at(version, "subresources", "status")) ? ["status"] : [];
      const schema = schemas.resolve(at(version, "schema", "openAPIV3Schema"));
      const kind = textAt(names, "kind") ?? "";
      return {
        group,
        version: textAt(version, "name") ?? "",
        plural: textAt(names, "plural") ?? "",
        singular: textAt(names, "singular") ?? kind.toLowerCase(),
        kind,
        namespaced: textAt(definition, "spec", "scope") === "Namespaced",
        shortNames: listAt(names, "shortNames").filter((name) => typeof name === "string"),
        categories: listAt(names, "categories").filter((name) => typeof name === "string"),
        subresources,
        verbs: ALL_VERBS,
        columns: [NAME, ...printerColumns(listAt(version, "additionalPrinterColumns")), AGE],
        definition: undefined,
        schema: schema === undefined ? undefined : withCommonFields(schemas, schema),
        fields: commonFields,
        addDefaults: () => undefined,
        problems: (draft) => nameProblems(draft),
      };
    });
}

/** A structural schema says nothing of what all objects have. */
function withCommonFields(schemas: Schemas, schema: ReturnType<Schemas["resolve"]>): ReturnType<Schemas["resolve"]> {
  const metadata = schemas.named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") ?? {};
  const text = { type: "string" };
  return { ...schema, properties: { ...objectAt(schema, "properties"), apiVersion: text, kind: text, metadata } };
}

function printerColumns(columns: readonly Json[]): Column[] {
  return columns.map((entry) => {
    const path = (textAt(entry, "jsonPath") ?? "").split(".").filter((step) => step !== "");
    return column(textAt(entry, "name") ?? "", path, "");
  });
}

import { ApiStatus, badRequest, type Cause, invalid, notFound, type Subject } from "../api-status.ts";
import { isObject, type JsonObject, objectAt, textAt } from "../json.ts";
import { isLeaving, type KubeObject } from "../kube-object.ts";
import type { Manager } from "../patch/managed-fields.ts";
import { checkFields, type WrongType } from "../schema/field-check.ts";
import type { Schemas } from "../schema/schemas.ts";
import { apiVersionOf, type Draft, type ResourceKind } from "./resource-kind.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

/** Who writes, and how: nothing is stored in a dry run. */
export type WriteOptions = {
  manager: Manager;
  dryRun: boolean;
  validation: FieldValidation;
  /** Takes what a client should be told beside the answer. */
  warn: (text: string) => void;
};

export function subjectOf({ plural, group, kind }: ResourceKind, name: string): Subject {
  return { plural, group, kind, name };
}

/** What a client sent, as an object of its kind: with defaults, without what the kind does not have. */
export function decoded(schemas: Schemas, kind: ResourceKind, body: JsonObject, options: WriteOptions): Draft {
  const { value, unknown, wrong } = checkFields(schemas, kind.schema, body, kind.definition === undefined);
  if (wrong.length > 0) throw wrongTypes(kind, body, wrong);
  reportUnknown(kind, body, unknown, options);
  const draft = isObject(value) ? value : {};
  return {
    ...draft,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: objectAt(draft, "metadata"),
  };
}

/** Of a built-in kind, values are decoded before they are looked at; of a custom kind, they are held against its schema. */
function wrongTypes(kind: ResourceKind, body: JsonObject, wrong: readonly WrongType[]): ApiStatus {
  if (kind.definition === undefined) {
    const causes = wrong.map(({ field, found, wanted }) => ({
      reason: "FieldValueTypeInvalid",
      message: `Invalid value: "${found}": ${field} in body must be of type ${wanted}: "${found}"`,
      field,
    }));
    return invalid(subjectOf(kind, textAt(body, "metadata", "name") ?? ""), causes);
  }
  const all = wrong.map(
    ({ field, found, wanted }) => `cannot unmarshal ${found} into Go struct field ${field} of type ${wanted}`,
  );
  return badRequest(
    `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: json: ${all.join("; ")}`,
  );
}

/** A configuration that is applied may have no unknown field, whatever the client says of the others. */
function reportUnknown(kind: ResourceKind, body: JsonObject, unknown: readonly string[], options: WriteOptions): void {
  const { manager, validation, warn } = options;
  const [first] = unknown;
  if (first === undefined) return;
  if (manager.operation === "Apply") {
    const { namespace, name } = objectAt(body, "metadata");
    const place = [namespace, name].filter((part) => typeof part === "string").join("/");
    const what = `(${place}; ${kind.group}/${kind.version}, Kind=${kind.kind})`;
    throw new ApiStatus(
      500,
      "",
      `failed to create typed patch object ${what}: .${first}: field not declared in schema`,
    );
  }
  if (validation === "Strict")
    throw badRequest(`strict decoding error: ${unknown.map((field) => `unknown field "${field}"`).join(", ")}`);
  if (validation === "Warn") for (const field of unknown) warn(`unknown field "${field}"`);
}

/** Puts defaults into a draft, and throws a 422 with every reason for which it cannot be. */
export function validate(schemas: Schemas, kind: ResourceKind, draft: Draft, before: KubeObject | undefined): void {
  kind.addDefaults(draft);
  const { missing } = checkFields(schemas, kind.schema, draft);
  const required: Cause[] = missing
    .filter((field) => !field.startsWith("status"))
    .map((field) => ({ reason: "FieldValueRequired", message: "Required value", field }));
  const causes = [...required, ...kind.problems(draft, before)];
  const unique = causes.filter(({ field }, index) => causes.findIndex((other) => other.field === field) === index);
  if (unique.length > 0) throw invalid(subjectOf(kind, textAt(draft, "metadata", "name") ?? ""), unique);
}

/** Nothing is made in a namespace that is not there or on its way out. */
export function requireNamespace(namespace: string, found: KubeObject | undefined): void {
  if (found === undefined) throw notFound("namespaces", "", namespace);
  if (!isLeaving(found)) return;
  const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  throw new ApiStatus(403, "Forbidden", message, { causes: [cause] });
}

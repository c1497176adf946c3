import { isSame, type Json, type JsonObject, listAt, textAt } from "../json.ts";
import { type FieldSet, fromFieldsV1, toFieldsV1, valueOfPath } from "./field-set.ts";

export type Operation = "Apply" | "Update";
export type Manager = { name: string; operation: Operation; subresource?: string };

/** Who manages which fields of an object: `metadata.managedFields`, read. */
export type Managed = Manager & { apiVersion: string; time: string; fields: FieldSet };

export function readManaged(object: Json): Managed[] {
  return listAt(object, "metadata", "managedFields").map((entry) => {
    const subresource = textAt(entry, "subresource");
    return {
      name: textAt(entry, "manager") ?? "unknown",
      operation: textAt(entry, "operation") === "Apply" ? "Apply" : "Update",
      apiVersion: textAt(entry, "apiVersion") ?? "v1",
      time: textAt(entry, "time") ?? "",
      fields: fromFieldsV1(typeof entry === "object" && !Array.isArray(entry) ? entry?.["fieldsV1"] : undefined),
      ...(subresource !== undefined && { subresource }),
    };
  });
}

export function writeManaged(managed: readonly Managed[]): JsonObject[] {
  return managed
    .filter(({ fields }) => fields.size > 0)
    .map(({ name, operation, apiVersion, time, fields, subresource }) => ({
      manager: name,
      operation,
      apiVersion,
      time,
      fieldsType: "FieldsV1",
      fieldsV1: toFieldsV1(fields),
      ...(subresource !== undefined && { subresource }),
    }));
}

export function isManager(entry: Managed, manager: Manager): boolean {
  return (
    entry.name === manager.name && entry.operation === manager.operation && entry.subresource === manager.subresource
  );
}

export type Change = { before: JsonObject; after: JsonObject; fieldsBefore: FieldSet; fieldsAfter: FieldSet };

/** After an update: whoever changed a field manages it now, alone; what is gone nobody manages. */
export function afterUpdate(
  managed: readonly Managed[],
  manager: Manager,
  change: Change,
  stamp: Pick<Managed, "apiVersion" | "time">,
): Managed[] {
  const { before, after, fieldsBefore, fieldsAfter } = change;
  const changed = new Set(
    [...fieldsAfter].filter(
      (path) => !fieldsBefore.has(path) || !isSame(valueOfPath(before, path), valueOfPath(after, path)),
    ),
  );
  const others = managed.map((entry) => ({
    ...entry,
    fields: new Set(
      [...entry.fields].filter((path) => fieldsAfter.has(path) && (!changed.has(path) || isManager(entry, manager))),
    ),
  }));
  if (changed.size === 0) return others;
  const own = others.find((entry) => isManager(entry, manager));
  const fields = new Set([...(own?.fields ?? []), ...changed]);
  const rest = others.filter((entry) => entry !== own);
  return [...rest, { ...manager, ...stamp, fields }];
}

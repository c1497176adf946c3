import type { Cause } from "../api-status.ts";
import { isSame, type Json, textAt, textsAt, at } from "../json.ts";
import type { KubeObject } from "../kube-object.ts";

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const MAX_NAME = 253;
const MAX_LABEL = 63;

export function required(field: string, detail = ""): Cause {
  return { reason: "FieldValueRequired", message: `Required value${detail === "" ? "" : `: ${detail}`}`, field };
}

export function invalidValue(field: string, value: Json | undefined, why: string): Cause {
  return { reason: "FieldValueInvalid", message: `Invalid value: ${JSON.stringify(value ?? null)}: ${why}`, field };
}

export function unsupported(field: string, value: Json | undefined, supported: readonly string[]): Cause {
  const list = supported.map((name) => `"${name}"`).join(", ");
  return {
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${JSON.stringify(value ?? null)}: supported values: ${list}`,
    field,
  };
}

/** A name as of a subdomain, and labels that can be selected. */
export function nameProblems(draft: Json): Cause[] {
  const name = textAt(draft, "metadata", "name");
  if (name === undefined || name === "") return [required("metadata.name", "name or generateName is required")];
  const isName = name.length <= MAX_NAME && NAME.test(name);
  const causes = isName
    ? []
    : [
        invalidValue(
          "metadata.name",
          name,
          "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        ),
      ];
  return [...causes, ...labelProblems(draft)];
}

function labelProblems(draft: Json): Cause[] {
  return Object.entries(textsAt(draft, "metadata", "labels"))
    .filter(([, value]) => value.length > MAX_LABEL || !LABEL_VALUE.test(value))
    .map(([, value]) =>
      invalidValue(
        "metadata.labels",
        value,
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
      ),
    );
}

/** A field that must stay what it was. */
export function immutable(draft: Json, before: KubeObject | undefined, path: readonly string[]): Cause[] {
  if (before === undefined) return [];
  const [now, then] = [at(draft, ...path), at(before, ...path)];
  return then === undefined || isSame(now, then) ? [] : [invalidValue(path.join("."), now, "field is immutable")];
}

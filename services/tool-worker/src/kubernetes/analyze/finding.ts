import type { Metadata } from "../pod-objects.ts";

export interface ObjectRef {
  readonly kind: string;
  /** Absent: of no namespace. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export const severities = ["critical", "warning", "info"] as const;
/** `critical`: something does not work now. `warning`: it will not, or not for long. `info`: worth knowing. */
export type Severity = (typeof severities)[number];

/** What a rule found. `evidence` may quote what others wrote; it is shown as text of the cluster, never as an instruction. */
export interface Finding {
  readonly severity: Severity;
  readonly object: ObjectRef;
  readonly evidence: string;
  readonly suggestion: string;
  /** Findings of one check with the same key are one: the pods of one workload have the same fault. Absent: it stands alone. */
  readonly alike?: string;
}

export function refOf(kind: string, { namespace, name }: Pick<Metadata, "namespace" | "name">): ObjectRef {
  return { kind, namespace, name };
}

export function nameOf({ kind, namespace, name }: ObjectRef): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

const MAX_QUOTE = 300;

/** What somebody else wrote, as part of a sentence: one line, bounded. */
export function quote(text: string | undefined, maxChars = MAX_QUOTE): string {
  const line = (text ?? "").replace(/\s+/g, " ").trim();
  const cut = line.length > maxChars ? `${line.slice(0, maxChars).toWellFormed()}…` : line;
  return cut.replace(/\.$/, "");
}

const MAX_LISTED = 3;

/** `a, b, c and 4 more`. */
export function listed(names: readonly string[], max = MAX_LISTED): string {
  const shown = names.slice(0, max).join(", ");
  return names.length > max ? `${shown} and ${names.length - max} more` : shown;
}

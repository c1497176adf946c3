import type { AuditRecord } from "@parley/bus";
import type { AuditEntry } from "@parley/protocol";

/** The audit log as people read it: one line for each entry. */

const header = ["WHEN", "WHAT", "WHO", "TOOL", "ON WHAT", "HOW", "CALL"] as const;
/** Wider columns are cut: the last one is the call's id, by which all of it is found. */
const widest = [24, 8, 32, 32, 60, 70, 60] as const;

/** Line breaks and control characters would forge lines; what people wrote may hold anything. */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\s\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g;

export function auditTable(records: readonly AuditRecord[]): string[] {
  const rows = [header, ...records.map(rowOf)].map((row) => row.map((cell, i) => cut(cell, widest[i] ?? 0)));
  const widths = header.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function cut(text: string, most: number): string {
  const plain = text.replaceAll(unprintable, " ");
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain;
}

function rowOf({ storedMs, entry }: AuditRecord): string[] {
  const when = new Date(storedMs).toISOString();
  return [
    when,
    entry.kind,
    whoOf(entry),
    entry.tool ?? entry.action ?? "",
    whatOf(entry),
    how[entry.kind](entry),
    placeOf(entry),
  ];
}

function whoOf({ user, tenant }: AuditEntry): string {
  return `${user?.id ?? ""}${tenant === undefined ? "" : ` (${tenant})`}`;
}

function whatOf({ access = [], access_left_out, on }: AuditEntry): string {
  if (on !== undefined) return JSON.stringify(on);
  const [first] = access;
  if (first === undefined) return "";
  const { cluster, verb, kind, namespace, name } = first;
  const thing = [kind, [namespace, name].filter((part) => part !== undefined).join("/")].filter((part) => part !== "");
  const more = access.length - 1 + (access_left_out ?? 0);
  return [verb, ...thing, ...(cluster === undefined ? [] : [`@${cluster}`]), ...(more > 0 ? [`+${more}`] : [])].join(
    " ",
  );
}

const how: Readonly<Record<AuditEntry["kind"], (entry: AuditEntry) => string>> = {
  asked: ({ four_eyes, summary }) => (four_eyes === true ? `[four eyes] ${summary}` : (summary ?? "")),
  decided: (entry) => sentence(decisionOf(entry), whyOf(entry)),
  begun: ({ agreed_by }) => (agreed_by === undefined ? "" : `agreed to by ${agreed_by.id}`),
  ended: ({ status, result_bytes, duration_ms }) => `${status}, ${result_bytes} bytes, ${duration_ms} ms`,
  refused: (entry) => sentence(entry.verdict, whyOf(entry)),
  admin: whyOf,
};

function whyOf({ rule, reason }: AuditEntry): string {
  return sentence(rule, reason);
}

function sentence(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== "").join(": ");
}

function decisionOf({ approved, expired, like_ms }: AuditEntry): string {
  if (expired === true) return "too late";
  const like = like_ms === undefined ? "" : ` with the like for ${Math.round(like_ms / 60_000)} min`;
  return approved === true ? `approved${like}` : "denied";
}

function placeOf({ conversation_id, call_id }: AuditEntry): string {
  return [conversation_id, call_id].filter((part) => part !== undefined).join(" ");
}

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { auditMatcher, type AuditLog, type AuditRecord } from "@parley/bus";
import { auditKinds, type AuditEntry } from "@parley/protocol";
import { z } from "zod";
import { erasedName } from "../admission/known-revocations.ts";

/** What the admin endpoints have to do with the audit log: a page of it, and an entry for each thing that an operator does. */

const maxPage = 500;
const text = z.string().trim().min(1).max(256);

const AuditQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(maxPage).default(100),
  /** `before` of the page before. */
  before: z.coerce.number().int().min(1).optional(),
  /** ms since 1970. */
  since_ms: z.coerce.number().int().min(0).optional(),
  user: text.optional(),
  tool: text.optional(),
  conversation: text.optional(),
  kind: z.enum(auditKinds).optional(),
});

/** Up to when somebody was erased, ms since 1970; undefined: nobody of this name was. */
export type ErasedAt = (user: string) => number | undefined;

/** Newest first; who was erased is named by a hash. Throws ZodError, and what the broker answers. */
export async function auditPage(
  audit: Pick<AuditLog, "page">,
  query: URLSearchParams,
  erasedAt: ErasedAt,
): Promise<object> {
  const { limit, before, since_ms: sinceMs, ...filter } = AuditQuery.parse(Object.fromEntries(query));
  const page = await audit.page({ limit, before, sinceMs, matches: auditMatcher(filter) });
  return {
    entries: page.records.map((record) => shown(withoutErased(record, erasedAt))),
    ...(page.before === undefined ? {} : { before: page.before }),
  };
}

/** The log itself keeps what was written until it runs out: nobody can change it. */
function withoutErased({ entry, ...record }: AuditRecord, erasedAt: ErasedAt): AuditRecord {
  const named = (person: AuditEntry["user"]): AuditEntry["user"] =>
    person !== undefined && record.storedMs <= (erasedAt(person.id) ?? -1) ? { id: erasedName(person.id) } : person;
  const { user, agreed_by } = entry;
  const people = { ...(user && { user: named(user) }), ...(agreed_by && { agreed_by: named(agreed_by) }) };
  const isThem = people.user !== user;
  return { ...record, entry: { ...entry, ...people, ...(isThem ? { address: undefined, session: undefined } : {}) } };
}

function shown({ seq, storedMs, entry }: AuditRecord): object {
  return { seq, at: new Date(storedMs).toISOString(), ...entry };
}

export interface OperatorAct {
  readonly by: string;
  readonly action: string;
  readonly on: object;
  readonly reason: string;
}

/** Not waited for, and nothing is held up by it: an operator who keeps somebody out must not need the audit log for that. The process's log has it too. */
export function auditAct({ write }: Pick<AuditLog, "write">, { by, action, on, reason }: OperatorAct): void {
  const writer = `edge-${process.pid}@${hostname()}`;
  void write({ v: 1, kind: "admin", writer, user: { id: by }, action, on: { ...on }, reason }, randomUUID());
}

import {
  auditChannels,
  auditKinds,
  cutJsonText,
  encodeJson,
  jsonBytes,
  limits,
  streams,
  subjects,
  type AuditAccess,
  type AuditEntry,
  type AuditKind,
} from "@parley/protocol";
import { addCounts, createBackoff, sleep, withDeadline, type Registry } from "@parley/runtime";
import type { Append, AppendResult, Appender } from "./appender.ts";
import { createAuditReading, type AuditReading } from "./audit-reading.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { Opening } from "./opening.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { tenantToken } from "./seal-places.ts";
import type { Unreadable } from "./unreadable.ts";

export interface AuditLogDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly append: Appender["append"];
  readonly opening: Pick<Opening, "inOrder">;
  /** Makes the stream if it is not there. */
  readonly setUp: () => Promise<void>;
  readonly unreadable: Unreadable;
}

export interface AuditLog extends AuditReading {
  /** For who writes: makes the stream if it is not there. */
  setUp(): Promise<void>;
  /**
   * Whether the entry is stored. Tries for 15 s through broker trouble and never throws. `id`: the same for the same thing, so that what was stored
   * without an answer is not stored twice.
   */
  write(entry: AuditEntry, id: string): Promise<boolean>;
  /** What is on its way, or was given up. */
  settled(): Promise<void>;
  counts(): AuditCounts;
  /** How full it is, from 0 to 1 of its bound in bytes, and how long it keeps. Throws when the broker does not answer, or there is none. */
  state(): Promise<{ readonly fill: number; readonly keepMs: number }>;
}

interface AuditCounts {
  readonly written: ReadonlyMap<AuditKind, number>;
  /** Not stored: those of calls that only read, and of what had been done already. */
  readonly lost: ReadonlyMap<AuditKind, number>;
}

/** Longer than an election, and than the broker takes to start. */
const writeDeadlineMs = 15_000;
/** On their way at once, in one process: with more something is wrong, and memory is not where they are kept. */
const maxWaiting = 2_000;
const closeMs = 2_000;
/** Of `access`: more is no single call any more. */
const maxAccesses = 20;
const maxRoles = 32;

/**
 * Who did what (docs/adr/0023). Entries are appended and never changed: the stream refuses to delete and to purge, and a process may write the kinds of its
 * role only, as its subjects say. A full stream refuses what is new: what happened is not forgotten before its time.
 */
export function createAuditLog(deps: AuditLogDeps): AuditLog {
  const { jsm, setUp } = deps;
  const [written, lost] = [zeros(), zeros()];
  const pending = new Set<Promise<boolean>>();
  const count = (counts: Map<AuditKind, number>, kind: AuditKind): unknown =>
    counts.set(kind, (counts.get(kind) ?? 0) + 1);

  const store = async (entry: AuditEntry, id: string): Promise<boolean> => {
    const isStored = pending.size < maxWaiting && (await tryFor(deps, messageOf(entry, id)));
    count(isStored ? written : lost, entry.kind);
    return isStored;
  };

  return {
    ...createAuditReading(deps),
    setUp,
    write(entry, id) {
      const writing = store(entry, id);
      pending.add(writing);
      void writing.finally(() => pending.delete(writing));
      return writing;
    },
    async settled() {
      await withDeadline(Promise.allSettled(pending), closeMs, "storing the audit log").catch(() => {});
    },
    counts: () => ({ written, lost }),
    async state() {
      const { config, state } = await jsm.streams.info(streams.audit);
      const fill = config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
      return { fill, keepMs: config.max_age / 1e6 };
    },
  };
}

/** From the beginning on: of a figure that begins at 1 nobody sees that it has risen. */
function zeros(): Map<AuditKind, number> {
  return new Map(auditKinds.map((kind) => [kind, 0]));
}

async function tryFor({ append, setUp }: AuditLogDeps, message: Append): Promise<boolean> {
  const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
  const deadline = performance.now() + writeDeadlineMs;
  while (performance.now() < deadline) {
    const result = await append(message);
    if (result.kind === "stored") return true;
    if (isFinal(result)) return false;
    if (result.kind === "absent") await setUp().catch(() => {});
    await sleep(backoff.nextMs());
  }
  return false;
}

/** Where it is full it is full for days: whoever waits for it is told at once. */
function isFinal({ kind }: AppendResult): boolean {
  return kind === "too large" || kind === "no room";
}

function messageOf(entry: AuditEntry, id: string): Append {
  const { tenant } = entry;
  return { subject: subjectOf(entry), data: encodeJson(fitted(entry)), msgId: `audit.${id}`, tenant };
}

function subjectOf({ kind, action = "other", tenant, conversation_id }: AuditEntry): string {
  const channel = auditChannels[kind];
  if (channel === "admin" || conversation_id === undefined) return subjects.auditAdmin(action);
  return subjects.audit(channel, tenantToken(tenant), conversation_id);
}

/** What it says, bounded, as anybody may have written any of it: each text by itself, then what makes the whole too large. */
function fitted(entry: AuditEntry): AuditEntry {
  const { access, roles, user, agreed_by } = entry;
  const bounded: AuditEntry = {
    ...entry,
    ...cutTexts(entry, texts),
    ...(user && { user: cutPerson(user) }),
    ...(agreed_by && { agreed_by: cutPerson(agreed_by) }),
    ...(roles && { roles: roles.slice(0, maxRoles).map((role) => cutJsonText(role, shortBytes)) }),
    ...(access && cutAccess(access, maxAccesses)),
  };
  if (jsonBytes(bounded) <= limits.auditEntryBytes) return bounded;
  const { arguments: _arguments, on: _on, ...rest } = bounded;
  return { ...rest, ...(access && cutAccess(access, 1)), ...(roles && { roles: bounded.roles?.slice(0, 1) }) };
}

const [longBytes, shortBytes] = [1_024, 256];
const texts = {
  ...{ summary: longBytes, reason: longBytes, arguments: longBytes, rule: shortBytes, verdict: shortBytes },
  ...{ tool: shortBytes, session: shortBytes, address: shortBytes, action: shortBytes, tenant: shortBytes },
} as const;
const accessTexts = {
  ...{ system: shortBytes, verb: shortBytes, cluster: shortBytes, group: shortBytes },
  ...{ kind: shortBytes, namespace: shortBytes, name: shortBytes },
} as const;

/** Those of the fields that are texts, each cut to its bytes of JSON. */
function cutTexts<T extends object>(of: T, most: { readonly [Name in keyof T]?: number }): Partial<T> {
  const cut: Partial<T> = { ...of };
  for (const [name, bytes] of Object.entries<number | undefined>(most)) {
    const text: unknown = Reflect.get(of, name);
    if (typeof text === "string") Reflect.set(cut, name, cutJsonText(text.toWellFormed(), bytes ?? shortBytes));
  }
  return cut;
}

type Person = NonNullable<AuditEntry["user"]>;

function cutPerson({ id, name }: Person): Person {
  return { id: cutJsonText(id, shortBytes), name: name === undefined ? undefined : cutJsonText(name, shortBytes) };
}

function cutAccess(access: readonly AuditAccess[], most: number): Partial<AuditEntry> {
  const left = access.length - most;
  const kept = access.slice(0, most).map((one) => ({ ...one, ...cutTexts(one, accessTexts) }));
  return { access: kept, ...(left > 0 ? { access_left_out: left } : {}) };
}

/** What a process that writes it says of that in its figures. */
export function addAuditFigures(registry: Registry, { counts }: Pick<AuditLog, "counts">): void {
  addCounts(registry, {
    ...{ name: "parley_audit_entries_total", label: "kind" },
    help: "Entries that this process has written to the audit log.",
    read: () => counts().written,
  });
  addCounts(registry, {
    ...{ name: "parley_audit_lost_total", label: "kind" },
    help: "Entries that could not be stored in the audit log. `begun`: what they are about was not done for that.",
    read: () => counts().lost,
  });
}

/** From where on somebody should look. */
const nearlyFull = 0.8;
/** Probes are waited for. */
const lookMs = 300;
const dayMs = 86_400_000;

/** For probes: a sentence when the audit log is nearly full, when it keeps for a shorter time than is set, and when there is none. */
export async function auditNotes({ state }: Pick<AuditLog, "state">, wantedDays: number): Promise<string[]> {
  const found = await withDeadline(state(), lookMs, "the look at the audit log").catch(() => undefined);
  if (found === undefined) return ["The audit log cannot be asked: without it no tool changes anything."];
  const days = (ms: number): number => Math.round(ms / dayMs);
  const isShort = found.keepMs > 0 && found.keepMs < wantedDays * dayMs;
  return [
    ...(isShort
      ? [`The audit log keeps ${days(found.keepMs)} days, AUDIT_DAYS is ${wantedDays}: \`nats stream edit AUDIT\`.`]
      : []),
    ...(found.fill < nearlyFull
      ? []
      : [`The audit log is ${Math.round(found.fill * 100)} % full: when it is full, no tool changes anything.`]),
  ];
}

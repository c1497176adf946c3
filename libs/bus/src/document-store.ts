import { createHash, randomBytes } from "node:crypto";
import {
  ChatError,
  DocumentList,
  documentStoreLimits,
  parseStored,
  streams,
  subjects,
  type DocumentVersion,
  type StoredDocument,
} from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import { appendBehind, type LastOne } from "./append-behind.ts";
import { EventTooLargeError, NoRoomError, wrongLastSequence, type Append } from "./appender.ts";
import type { GateLogDeps } from "./gate-log.ts";
import { tenantToken } from "./seal-places.ts";

export type DocumentStoreDeps = Pick<GateLogDeps, "jsm" | "append" | "setUp" | "unreadable">;

/** The documents of one tenant, as they were when somebody looked. */
export interface TenantDocuments {
  /** Of the list; another one is another list. 0: there is none. */
  readonly seq: number;
  readonly documents: readonly StoredDocument[];
}

/** What is to be kept of a document whose parts are stored. */
export type NewDocument = Omit<StoredDocument, "created_at" | "updated_at">;

/** Whose documents; undefined: those of nobody's tenant. */
export type Tenant = string | undefined;

export type DocumentStore = ReturnType<typeof createDocumentStore>;

/**
 * Documents that tenants bring. The bytes of each version are write-once parts; then the tenant's list, one message with all its documents, says that it is
 * there (compare-and-set): so what is searched changes at once, whole, and how much a tenant keeps is exact, whoever writes. What no list names is
 * nobody's, and removed when the tenant next brings something.
 */
export function createDocumentStore(deps: DocumentStoreDeps) {
  const ready = createReady(deps);
  const lists = createLists(deps, ready);
  return {
    /** Makes the stream if it is not there: for who reads it in turns, where nobody should wait for that. */
    setUp: ready,
    list: lists.of,
    ...createBytes(deps, ready),
    ...createChanges(deps, lists),
  };
}

/** The bytes of versions, which nobody sees before a list names them. */
function createBytes(deps: DocumentStoreDeps, ready: () => Promise<void>) {
  const { jsm } = deps;
  return {
    /** Throws OVERLOADED when the broker does not answer for 15 s, or there is no room. */
    async write(tenant: Tenant, bytes: Uint8Array): Promise<Pick<DocumentVersion, "version" | "parts" | "hash">> {
      await ready();
      const { partBytes } = documentStoreLimits;
      const version = `${Date.now().toString(36)}${randomBytes(6).toString("hex")}`;
      const parts = Math.max(1, Math.ceil(bytes.length / partBytes));
      for (let part = 0; part < parts; part++) {
        const data = bytes.subarray(part * partBytes, (part + 1) * partBytes);
        await writePart(deps, {
          subject: subjects.documentPart(tenantToken(tenant), version, part),
          data,
          expect: 0,
          tenant,
        });
      }
      return { version, parts, hash: hashOf(bytes) };
    },

    /** Undefined: they are gone, or are not what was stored. */
    async read(tenant: Tenant, { version, parts, hash }: DocumentVersion): Promise<Uint8Array | undefined> {
      await ready();
      const pieces: Buffer[] = [];
      for (let part = 0; part < Math.min(parts, mostParts); part++) {
        const subject = subjects.documentPart(tenantToken(tenant), version, part);
        const found = await jsm.lookUp(streams.documents, { last_by_subj: subject });
        if (found === null) return undefined;
        pieces.push(Buffer.from(found.data));
      }
      const bytes = Buffer.concat(pieces);
      return hashOf(bytes) === hash ? bytes : undefined;
    },
  };
}

function createChanges(deps: DocumentStoreDeps, lists: Lists) {
  const { jsm } = deps;
  const drop = (tenant: Tenant, version: string): Promise<unknown> =>
    jsm.streams.purge(streams.documents, { filter: subjects.documentPart(tenantToken(tenant), version, "*") });
  return {
    /** Puts a document into the list, in place of the one of its name. Throws CONFLICT where the tenant has no room, and OVERLOADED as above. */
    async put(tenant: Tenant, document: NewDocument): Promise<StoredDocument> {
      const now = Date.now();
      const done: { put: StoredDocument; before?: StoredDocument | undefined } = {
        put: { ...document, created_at: now, updated_at: now },
      };
      await lists.change(tenant, (documents) => {
        done.before = documents.find((one) => isSame(one, document));
        done.put = { ...done.put, created_at: done.before?.created_at ?? now };
        return checked([...documents.filter((one) => !isSame(one, document)), done.put]);
      });
      // What is left behind takes room until the tenant's next change; nobody sees it.
      if (done.before !== undefined) await drop(tenant, done.before.version).catch(() => {});
      await sweep(deps, tenant).catch(() => {});
      return done.put;
    },

    /** Removes a document, and then its bytes. Undefined: there is none of this name. */
    async remove(
      tenant: Tenant,
      name: Pick<StoredDocument, "collection" | "source">,
    ): Promise<StoredDocument | undefined> {
      const done: { removed?: StoredDocument | undefined } = {};
      await lists.change(tenant, (documents) => {
        done.removed = documents.find((one) => isSame(one, name)) ?? done.removed;
        const left = documents.filter((one) => !isSame(one, name));
        return left.length === documents.length ? undefined : left;
      });
      if (done.removed !== undefined) await drop(tenant, done.removed.version);
      return done.removed;
    },

    /** The documents of a tenant that somebody brought go on to be the tenant's, brought by somebody of another name. Returns how many. */
    async rename(tenant: Tenant, by: string, name: string): Promise<number> {
      let renamed = 0;
      await lists.change(tenant, (documents) => {
        renamed = documents.filter((one) => one.by === by).length;
        return renamed === 0 ? undefined : documents.map((one) => (one.by === by ? { ...one, by: name } : one));
      });
      return renamed;
    },

    /** Of a version that did not get into the list. */
    drop,
  };
}

const mostParts = Math.ceil(documentStoreLimits.documentBytes / documentStoreLimits.partBytes);

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function isSame(
  one: Pick<StoredDocument, "collection" | "source">,
  other: Pick<StoredDocument, "collection" | "source">,
): boolean {
  return one.collection === other.collection && one.source === other.source;
}

function checked(documents: StoredDocument[]): StoredDocument[] {
  const { documents: most, tenantBytes } = documentStoreLimits;
  if (documents.length > most) {
    throw new ChatError("CONFLICT", { message: `No more than ${most} documents are kept. Remove one first.` });
  }
  if (documents.reduce((sum, { bytes }) => sum + bytes, 0) > tenantBytes) {
    const message = `No more than ${tenantBytes / 2 ** 20} MB of documents are kept. Remove some first.`;
    throw new ChatError("CONFLICT", { message });
  }
  return documents;
}

/** Once it is there it is not asked for again. */
function createReady({ setUp }: Pick<DocumentStoreDeps, "setUp">): () => Promise<void> {
  let setting: Promise<void> | undefined;
  return () => {
    setting ??= setUp().catch((error: unknown) => {
      setting = undefined;
      throw error;
    });
    return setting;
  };
}

type Lists = ReturnType<typeof createLists>;
type Change = (documents: readonly StoredDocument[]) => StoredDocument[] | undefined;

function createLists({ jsm, append, setUp, unreadable }: DocumentStoreDeps, ready: () => Promise<void>) {
  const read = (message: (Parameters<typeof unreadable.note>[1] & { readonly data: Uint8Array }) | null) => {
    if (message === null) return undefined;
    const value = DocumentList.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  const records = {
    async append(message: Append) {
      const result = await append(message);
      if (result.kind === "absent") await setUp().catch(() => {});
      return result;
    },
    last: async (subject: string): Promise<LastOne<DocumentList> | undefined> =>
      read(await jsm.streams.getMessage(streams.documents, { last_by_subj: subject })),
  };
  const changed = (last: LastOne<DocumentList> | undefined, change: Change): DocumentList | undefined => {
    if (last !== undefined && last.value === undefined) throw unreadableList();
    const { n, documents: before } = last?.value ?? { n: 0, documents: [] };
    const documents = change(before);
    return documents && { v: 1, n: n + 1, documents };
  };
  return {
    async of(tenant: Tenant): Promise<TenantDocuments> {
      await ready();
      const found = await jsm.lookUp(streams.documents, { last_by_subj: subjects.documentList(tenantToken(tenant)) });
      const last = read(found);
      return { seq: last?.seq ?? 0, documents: last?.value?.documents ?? [] };
    },
    async change(tenant: Tenant, change: Change): Promise<void> {
      await ready();
      const subject = subjects.documentList(tenantToken(tenant));
      await appendBehind<DocumentList>({ ...records, tenant }, subject, (last, tried) => {
        // Stored without an answer.
        const isOwn = tried !== undefined && JSON.stringify(last?.value) === JSON.stringify(tried);
        return isOwn ? undefined : changed(last, change);
      }).catch((error: unknown) => {
        throw error instanceof EventTooLargeError ? tooMany(error) : error;
      });
    },
  };
}

/** Written anew, all of what it has would be lost. */
function unreadableList(): ChatError {
  const message = "The list of documents was written by a newer version. Try again when all edges are of that.";
  return new ChatError("OVERLOADED", { message });
}

function tooMany(cause: Error): ChatError {
  const message = "There is no room for more documents in this tenant's list. Remove some first.";
  return new ChatError("CONFLICT", { message, cause });
}

const writeMs = 15_000;

async function writePart({ append, setUp }: DocumentStoreDeps, message: Append): Promise<void> {
  const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
  const deadline = performance.now() + writeMs;
  while (performance.now() < deadline) {
    const result = await append(message);
    // Refused: this version's own part is there, stored without an answer.
    if (result.kind === "stored" || (result.kind === "refused" && wrongLastSequence.has(result.code))) return;
    if (result.kind === "no room" || result.kind === "refused") throw new NoRoomError(result.description);
    if (result.kind === "too large") throw new EventTooLargeError(result);
    if (result.kind === "absent") await setUp().catch(() => {});
    await sleep(backoff.nextMs());
  }
  throw new ChatError("OVERLOADED", { cause: new Error("a part of a document could not be stored") });
}

/** Whoever stores a version puts it into the list within this time, or not at all. */
const orphanMs = 600_000;

/** Removes versions that are in no list: whoever stored them died in between. */
async function sweep({ jsm }: DocumentStoreDeps, tenant: Tenant): Promise<void> {
  const list = subjects.documentList(tenantToken(tenant));
  const last = await jsm.streams.getMessage(streams.documents, { last_by_subj: list });
  const parsed = last === null ? undefined : DocumentList.safeParse(parseStored(last.data)).data;
  if (parsed === undefined) return;
  const kept = new Set(parsed.documents.map(({ version }) => version));
  const first = await jsm.streams.subjects(streams.documents, subjects.documentPart(tenantToken(tenant), "*", 0));
  for (const subject of first) {
    const version = subject.split(".").at(-2) ?? "";
    const madeMs = Number.parseInt(version.slice(0, -12), 36);
    if (kept.has(version) || !(Date.now() - madeMs > orphanMs)) continue;
    await jsm.streams.purge(streams.documents, { filter: subjects.documentPart(tenantToken(tenant), version, "*") });
  }
}

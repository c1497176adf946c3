import type { DocumentStore } from "@parley/bus";
import { documentKinds, type DocumentVersion, type StoredDocument } from "@parley/protocol";
import { withDeadline, type Logger } from "@parley/runtime";
import { tenantPrefix } from "../agents/agent.ts";
import { DocumentError } from "./formats/document-kind.ts";
import type { DocumentReader } from "./formats/document-reader.ts";
import type { ReadDocument } from "./formats/read-document.ts";
import { documentOf, type KnowledgeDocument } from "./passage.ts";
import { buildSearchIndex, type SearchIndex } from "./search-index.ts";

/** Whose; undefined: of no tenant. */
export type Tenant = string | undefined;

/** What one tenant has brought, ready to be searched. */
export interface TenantIndex extends SearchIndex {
  /** Their collections as agents name them. */
  readonly collections: readonly string[];
  /** By the path of the document. */
  readonly stored: ReadonlyMap<string, StoredDocument>;
}

interface Held extends TenantIndex {
  readonly seq: number;
  readonly documents: ReadonlyMap<string, KnowledgeDocument>;
}

export interface TenantKnowledgeDeps {
  readonly documents: Pick<DocumentStore, "list" | "read">;
  readonly read: DocumentReader;
  readonly log: Logger;
}

export type TenantKnowledge = ReturnType<typeof createTenantKnowledge>;

/** Kept in memory: of the tenants that asked last. A passage takes some 4 KB with its words. */
const mostTenants = 64;
const mostPassages = 50_000;
/** A turn waits so long for documents that have changed; then it searches those before. */
const turnWaitMs = 3_000;

/**
 * The documents of tenants, each in an index of its own, so that those of one never meet another's. Nothing is watched: each search asks for the tenant's list,
 * which is one look-up, and reads what is new in it. So every worker knows what was brought as soon as it is asked.
 */
export function createTenantKnowledge(deps: TenantKnowledgeDeps) {
  const { documents: store, log } = deps;
  /** The one that was asked for last is the last. */
  const held = new Map<string, Held>();
  const running = new Map<string, Promise<Held>>();

  const keep = (key: string, index: Held): void => {
    held.delete(key);
    held.set(key, index);
    let passages = [...held.values()].reduce((sum, one) => sum + one.passages.length, 0);
    for (const [other, { passages: its }] of held) {
      if (other === key || (held.size <= mostTenants && passages <= mostPassages)) break;
      held.delete(other);
      passages -= its.length;
    }
  };

  const refresh = async (tenant: Tenant, key: string): Promise<Held> => {
    const { seq, documents } = await store.list(tenant);
    const before = held.get(key);
    const index = before?.seq === seq ? before : await indexOf(deps, { tenant, seq, documents, before });
    keep(key, index);
    return index;
  };

  /** Those who ask while it is being read wait for that. It began before they asked, so it may lack what was brought since: then it is read once more. */
  const newest = async (tenant: Tenant): Promise<Held> => {
    const key = JSON.stringify(tenant ?? null);
    const under = running.get(key);
    if (under !== undefined) await under.catch(() => {});
    const again = running.get(key);
    if (again !== undefined) return again;
    const reading = refresh(tenant, key).finally(() => running.delete(key));
    running.set(key, reading);
    return reading;
  };

  return {
    /** As it is now. Rejects when the broker does not answer. */
    newest: (tenant: Tenant): Promise<TenantIndex> => newest(tenant),

    /** For a turn: as it is now or, when that takes too long, as it was; undefined: nothing is known of it. */
    async soon(tenant: Tenant): Promise<TenantIndex | undefined> {
      try {
        return await withDeadline(newest(tenant), turnWaitMs, "reading the documents of a tenant");
      } catch (err) {
        log.warn({ err }, "the documents of a tenant could not be read: those known before are searched");
        return held.get(JSON.stringify(tenant ?? null));
      }
    },

    /** Reads a version that is in no list yet. Throws DocumentError. */
    async check(tenant: Tenant, version: DocumentVersion): Promise<ReadDocument> {
      return readVersion(deps, tenant, version);
    },
  };
}

interface Listed {
  readonly tenant: Tenant;
  readonly seq: number;
  readonly documents: readonly StoredDocument[];
  readonly before: Held | undefined;
}

async function indexOf(deps: TenantKnowledgeDeps, { tenant, seq, documents, before }: Listed): Promise<Held> {
  const known = new Map<string, KnowledgeDocument>();
  const stored = new Map<string, StoredDocument>();
  for (const listed of documents) {
    const collection = `${tenantPrefix}${listed.collection}`;
    const file = `${listed.collection}/${listed.source}`;
    const document =
      before?.documents.get(listed.version) ?? (await readListed(deps, tenant, { listed, collection, file }));
    if (document === undefined) continue;
    known.set(listed.version, document);
    stored.set(file, listed);
  }
  const index = await buildSearchIndex([...known.values()].flatMap(({ passages }) => passages));
  const collections = [...new Set([...known.values()].map(({ collection }) => collection))];
  return { ...index, seq, documents: known, stored, collections };
}

/** It could be read when it was brought; of what cannot be any more the others know nothing. */
async function readListed(
  deps: TenantKnowledgeDeps,
  tenant: Tenant,
  { listed, collection, file }: { readonly listed: StoredDocument; readonly collection: string; readonly file: string },
): Promise<KnowledgeDocument | undefined> {
  try {
    return documentOf({ collection, file, tenant }, await readVersion(deps, tenant, listed));
  } catch (err) {
    if (!(err instanceof DocumentError)) throw err;
    deps.log.warn({ err, version: listed.version }, "a document of a tenant is left out");
    return undefined;
  }
}

async function readVersion(
  { documents, read }: TenantKnowledgeDeps,
  tenant: Tenant,
  version: DocumentVersion,
): Promise<ReadDocument> {
  const kind = documentKinds.find((one) => one === version.kind);
  if (kind === undefined) throw new DocumentError("is of a kind that this version does not read");
  const bytes = await documents.read(tenant, version);
  if (bytes === undefined) throw new DocumentError("is gone");
  return read({ kind, name: version.source, bytes });
}

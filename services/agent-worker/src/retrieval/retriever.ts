import { everyTenantCollection, isTenantCollection } from "../agents/agent.ts";
import type { KnowledgeFolder } from "./knowledge.ts";
import type { FoundPassage, Passage } from "./passage.ts";
import type { SearchIndex } from "./search-index.ts";
import type { Tenant, TenantKnowledge } from "./tenant-knowledge.ts";

export interface RetrieverDeps {
  readonly knowledge: Pick<KnowledgeFolder, "search" | "passage" | "passages">;
  /** Undefined: no agent has any. */
  readonly tenants: Pick<TenantKnowledge, "soon"> | undefined;
}

export interface RetrievalQuery {
  readonly query: string;
  /** As agents name them. */
  readonly collections: readonly string[];
  readonly limit: number;
  /** Of whoever asks. */
  readonly tenant: Tenant;
}

export type Retriever = ReturnType<typeof createRetriever>;

/** Finds passages in the documents of the deployment and in those of whoever asks. Who has none of the latter waits for nothing. */
export function createRetriever({ knowledge, tenants }: RetrieverDeps) {
  const ofTenant = async (collections: readonly string[], tenant: Tenant) =>
    collections.some(isTenantCollection) ? tenants?.soon(tenant) : undefined;

  return {
    /** The best first; none when nothing is good enough. */
    async search({ query, collections, limit, tenant }: RetrievalQuery): Promise<FoundPassage[]> {
      const shared = knowledge.search({ query, collections, limit });
      const own = await ofTenant(collections, tenant);
      if (own === undefined) return shared;
      const named = collections.includes(everyTenantCollection) ? own.collections : collections;
      return best([...shared, ...own.search({ query, collections: named, limit })], limit);
    },

    /** A passage that was found before; undefined: it is not there any more. */
    async passage(id: string, collections: readonly string[], tenant: Tenant): Promise<Passage | undefined> {
      return knowledge.passage(id) ?? (await ofTenant(collections, tenant))?.passage(id);
    },
  };
}

/** Scores of all indexes say the same: how much of the question a passage covers. */
export function best(found: readonly FoundPassage[], limit: number): ReturnType<SearchIndex["search"]> {
  return found.toSorted((one, other) => other.score - one.score || (one.id < other.id ? -1 : 1)).slice(0, limit);
}

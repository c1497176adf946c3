import { everyTenantCollection, isTenantCollection } from "../agents/agent.ts";
import { fused } from "./fusion.ts";
import type { KnowledgeFolder } from "./knowledge.ts";
import type { FoundPassage, Passage } from "./passage.ts";
import type { SemanticIndex } from "./semantic-index.ts";
import type { Tenant, TenantIndex, TenantKnowledge } from "./tenant-knowledge.ts";

export interface RetrieverDeps {
  readonly knowledge: Pick<KnowledgeFolder, "search" | "passage" | "passages">;
  /** Undefined: no agent has any. */
  readonly tenants: Pick<TenantKnowledge, "soon"> | undefined;
  /** Undefined: passages are found by their words alone. */
  readonly semantic?: Pick<SemanticIndex, "rank"> | undefined;
}

export interface RetrievalQuery {
  readonly query: string;
  /** What a provider may see of it. Default: all of it. */
  readonly shown?: string | undefined;
  /** As agents name them. */
  readonly collections: readonly string[];
  readonly limit: number;
  /** Of whoever asks. */
  readonly tenant: Tenant;
}

export type Retriever = ReturnType<typeof createRetriever>;

/** Looked at by words where meaning counts too. */
const candidates = 50;

/** Finds passages in the documents of the deployment and in those of whoever asks. Who has none of the latter waits for nothing. */
export function createRetriever({ knowledge, tenants, semantic }: RetrieverDeps) {
  const ofTenant = async (collections: readonly string[], tenant: Tenant) =>
    collections.some(isTenantCollection) ? tenants?.soon(tenant) : undefined;

  return {
    /** The best first; none when nothing is good enough. */
    async search({ query, shown = query, collections, limit, tenant }: RetrievalQuery): Promise<FoundPassage[]> {
      const own = await ofTenant(collections, tenant);
      const named = own !== undefined && collections.includes(everyTenantCollection) ? own.collections : collections;
      const most = semantic === undefined ? limit : candidates;
      const shared = knowledge.search({ query, collections, limit: most });
      const byWords =
        own === undefined ? shared : best([...shared, ...own.search({ query, collections: named, limit: most })], most);
      if (semantic === undefined) return byWords;
      const scope = passagesIn(knowledge.passages(), collections).concat(passagesIn(own?.passages ?? [], named));
      const byMeaning = await semantic.rank(shown, scope);
      return byMeaning === undefined ? byWords.slice(0, limit) : fused(byWords, byMeaning, limit);
    },

    /** A passage that was found before; undefined: it is not there any more. */
    async passage(id: string, collections: readonly string[], tenant: Tenant): Promise<Passage | undefined> {
      return knowledge.passage(id) ?? (await ofTenant(collections, tenant))?.passage(id);
    },
  };
}

function passagesIn(passages: readonly Passage[], collections: readonly string[]): Passage[] {
  return passages.filter(({ collection }) => collections.includes(collection));
}

/** Scores of all indexes say the same: how much of the question a passage covers. */
export function best(found: readonly FoundPassage[], limit: number): ReturnType<TenantIndex["search"]> {
  return found.toSorted((one, other) => other.score - one.score || (one.id < other.id ? -1 : 1)).slice(0, limit);
}

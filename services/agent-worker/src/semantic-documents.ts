import type { Config } from "./config.ts";
import { createEmbeddingClient } from "./model/embedding-client.ts";
import type { Provider } from "./model/provider.ts";
import { createSemanticIndex, type SemanticDeps, type SemanticIndex } from "./retrieval/semantic-index.ts";
import { createVectorFolder } from "./retrieval/vector-store.ts";

export type SemanticSettings = Pick<Config, "EMBEDDINGS_MODEL" | "EMBEDDINGS_DIR" | "EMBEDDINGS_MIN_SIMILARITY">;

/** Finds documents by meaning, with a model of the provider; undefined: none is named. */
export function openSemanticIndex(
  { config, ...deps }: { readonly config: SemanticSettings } & Pick<SemanticDeps, "log" | "queryMs">,
  provider: Provider,
): SemanticIndex | undefined {
  const { EMBEDDINGS_MODEL: model, EMBEDDINGS_DIR: folder, EMBEDDINGS_MIN_SIMILARITY: minSimilarity } = config;
  if (model === undefined) return undefined;
  const store = folder === undefined ? undefined : createVectorFolder(folder);
  return createSemanticIndex({ ...deps, model, minSimilarity, store, embed: createEmbeddingClient(provider, model) });
}

import { ConfigError, StartError, type Environment } from "@parley/runtime";
import type { Agent } from "./agents/agent.ts";
import { loadAgents } from "./agents/load-agents.ts";
import { createBrief, type Brief } from "./briefing.ts";
import { createChooseAgent } from "./choose-agent.ts";
import type { Config } from "./config.ts";
import { defaultProvider } from "./model/default-provider.ts";
import { createFindPassages } from "./find-passages.ts";
import { loadModelTable } from "./model/load-model-table.ts";
import type { ModelTable } from "./model/model-table.ts";
import { createFences, type FenceOf } from "./fences.ts";
import { loadGuards, type GuardRule } from "./guards/guard-file.ts";
import { providerFrom, type Provider } from "./model/provider.ts";
import { loadKnowledge, type KnowledgeFolder } from "./retrieval/knowledge.ts";
import { sharedDocuments, type SharedDocuments } from "./retrieval/shared-documents.ts";
import { createRetriever, type RetrieverDeps } from "./retrieval/retriever.ts";
import { createRouter } from "./routing/router.ts";
import { loadSafetyLists, type SafetyLists } from "./safety/safety-lists.ts";

/** What the settings name, as a worker begins with it. */
export interface StartSettings {
  readonly provider: Provider;
  readonly table: ModelTable;
  readonly agents: readonly Agent[];
  readonly guards: readonly GuardRule[];
  /** With what else documents are found by than their words, and with those that tenants have brought. */
  readonly briefWith: (sources: Pick<RetrieverDeps, "tenants" | "semantic">) => Brief;
  readonly knowledge: KnowledgeFolder;
  /** What edges are told of the documents, as they are at the moment. */
  readonly documents: () => SharedDocuments;
  readonly safety: SafetyLists;
  /** Names of the models that they name. */
  readonly models: ReadonlySet<string>;
}

/**
 * Reads what the settings name: the model, its rules, agents and documents. `npm run config -- check` calls it too, so that it finds what would
 * end the process at its start. Throws a StartError, or a ConfigError with all of them when there are several.
 */
export async function readStartSettings(config: Config, env: Environment): Promise<StartSettings> {
  const loaded = loadModelTable(config.MODELS_FILE, env);
  const [provider, table, brief] = await Promise.allSettled([
    loaded.then(
      (described) => defaultProvider(config, described),
      () => providerFrom(config),
    ),
    loaded,
    readBrief(config),
  ]);
  const failed = [provider, table, brief].filter((part) => part.status === "rejected");
  const errors = failed.map(({ reason }): unknown => reason);
  if (errors.length > 1 && errors.every((error) => error instanceof StartError)) {
    throw new ConfigError(errors.map(({ message }) => message));
  }
  if (provider.status === "rejected") throw provider.reason;
  if (table.status === "rejected") throw table.reason;
  if (brief.status === "rejected") throw brief.reason;
  const named = [
    provider.value.model,
    config.TITLE_MODEL,
    config.SUMMARY_MODEL,
    config.ROUTING_MODEL,
    ...brief.value.agents.flatMap(({ model, fallbacks = [] }) => [model, ...fallbacks]),
    ...table.value.models.keys(),
  ];
  const models = new Set(named.filter((name) => name !== undefined));
  return { provider: provider.value, table: table.value, ...brief.value, models };
}

/** Known to all workers of a deployment and to nobody else. */
export function fencesOf({
  OPENAI_API_KEY,
  OPENROUTER_API_KEY,
}: Pick<Config, "OPENAI_API_KEY" | "OPENROUTER_API_KEY">): FenceOf {
  return createFences(OPENAI_API_KEY ?? OPENROUTER_API_KEY ?? "");
}

/** The agents and documents. Throws a StartError that names every problem with file and line. */
async function readBrief({
  AGENTS_DIR,
  KNOWLEDGE_DIR,
  SAFETY_FILE,
  GUARDS_FILE,
  ...keys
}: Config): Promise<Pick<StartSettings, "agents" | "guards" | "briefWith" | "knowledge" | "documents" | "safety">> {
  const [knowledge, safety] = await Promise.all([loadKnowledge(KNOWLEDGE_DIR), loadSafetyLists(SAFETY_FILE)]);
  const safetyLists = [...safety.keys()];
  const guards = await loadGuards(GUARDS_FILE);
  const names = { collections: knowledge.collections(), safetyLists, guards: guards.map(({ name }) => name) };
  const agents = await loadAgents({ folder: AGENTS_DIR, ...names });
  const documents = createSharing(knowledge, agents);
  const chooseAgent = createChooseAgent({ agents, route: createRouter(agents) });
  const fenceOf = fencesOf(keys);
  const briefWith: StartSettings["briefWith"] = (sources) =>
    createBrief({ chooseAgent, findPassages: createFindPassages(createRetriever({ knowledge, ...sources })), fenceOf });
  return { agents, guards, knowledge, documents, safety, briefWith };
}

/** They are hashed once for each change, not each time they are told of. */
function createSharing(knowledge: KnowledgeFolder, agents: readonly Agent[]): () => SharedDocuments {
  let known: ReturnType<KnowledgeFolder["documents"]> | undefined;
  let shared: SharedDocuments = { shared: [], leftOut: [] };
  return () => {
    const now = knowledge.documents();
    if (known !== now) shared = sharedDocuments(now, agents);
    known = now;
    return shared;
  };
}

import type { Bus } from "@parley/bus";
import { isTenantCollection } from "./agents/agent.ts";
import type { Brief } from "./briefing.ts";
import type { Process } from "./parts.ts";
import { createDocumentAnswers, type DocumentAnswersDeps } from "./retrieval/document-answers.ts";
import { createDocumentReader } from "./retrieval/formats/document-reader.ts";
import { createTenantKnowledge, type TenantKnowledge } from "./retrieval/tenant-knowledge.ts";
import { openSemanticIndex } from "./semantic-documents.ts";
import type { StartSettings } from "./start-settings.ts";

type BrokerParts = Pick<Bus, "documents" | "documentQuestions">;

export interface DocumentSettings
  extends
    Pick<StartSettings, "provider" | "knowledge" | "agents" | "briefWith">,
    Pick<DocumentAnswersDeps, "rightsOf"> {}

/** Follows the documents in folders, answers edges about documents, and returns who briefs turns with them. */
export function openDocuments(
  process: Process,
  bus: BrokerParts,
  { provider, briefWith, ...settings }: DocumentSettings,
): Brief {
  const { log, life } = process;
  const { knowledge } = settings;
  const semantic = openSemanticIndex(process, provider);
  const prepare = (): void => semantic?.prepare(knowledge.passages());
  prepare();
  life.use("the look at the documents", knowledge.watch({ log, onChange: prepare }));
  return briefWith({ semantic, tenants: openTenantDocuments(process, bus, { ...settings, semantic }) });
}

/** Answers edges about documents. Returns what turns search; undefined: no agent has documents of tenants, so that turns ask for none. */
function openTenantDocuments(
  { log, life }: Process,
  { documents, documentQuestions }: BrokerParts,
  deps: Omit<DocumentAnswersDeps, "tenants">,
): TenantKnowledge | undefined {
  const tenants = createTenantKnowledge({ documents, read: createDocumentReader(), log });
  life.use("answers about documents", documentQuestions.answer(createDocumentAnswers({ ...deps, tenants })));
  const isUsed = deps.agents.some(({ collections }) => collections.some(isTenantCollection));
  if (!isUsed) return undefined;
  // So that no turn waits for it. Where it fails, the first turn tries again.
  documents.setUp().catch((err: unknown) => log.warn({ err }, "the stream of documents could not be made yet"));
  return tenants;
}

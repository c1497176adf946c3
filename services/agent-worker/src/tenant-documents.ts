import type { Bus } from "@parley/bus";
import { isTenantCollection } from "./agents/agent.ts";
import type { Process } from "./parts.ts";
import { createDocumentAnswers, type DocumentAnswersDeps } from "./retrieval/document-answers.ts";
import { createDocumentReader } from "./retrieval/formats/document-reader.ts";
import { createTenantKnowledge, type TenantKnowledge } from "./retrieval/tenant-knowledge.ts";

/** Answers edges about documents. Returns what turns search; undefined: no agent has documents of tenants, so that turns ask for none. */
export function openTenantDocuments(
  { log, life }: Process,
  { documents, documentQuestions }: Pick<Bus, "documents" | "documentQuestions">,
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

import {
  callerOf,
  documentStoreLimits,
  type DocumentAnswer,
  type DocumentQuestion,
  type ReadPassage,
} from "@parley/protocol";
import { isTenantCollection, type Agent } from "../agents/agent.ts";
import type { RightsOf } from "../agents/turn-rights.ts";
import { DocumentError } from "./formats/document-kind.ts";
import { fused } from "./fusion.ts";
import type { KnowledgeFolder } from "./knowledge.ts";
import type { Passage } from "./passage.ts";
import { best } from "./retriever.ts";
import type { SemanticIndex } from "./semantic-index.ts";
import type { TenantIndex, TenantKnowledge } from "./tenant-knowledge.ts";

export interface DocumentAnswersDeps {
  readonly knowledge: Pick<KnowledgeFolder, "search" | "passage" | "passages">;
  readonly tenants: Pick<TenantKnowledge, "newest" | "check">;
  readonly agents: readonly Pick<Agent, "name" | "collections">[];
  readonly rightsOf: RightsOf;
  /** Undefined: passages are found by their words alone. */
  readonly semantic: Pick<SemanticIndex, "rank"> | undefined;
}

type Asked<Kind extends DocumentQuestion["kind"]> = Extract<DocumentQuestion, { kind: Kind }>;

/** Looked at before what does not fit what was asked for is left out. */
const candidates = 200;

/** Collections of the deployment that whoever asks may read: those of agents that they may use. */
function createSharing({ agents, rightsOf }: DocumentAnswersDeps) {
  return (question: DocumentQuestion): string[] => {
    const { mayUse } = rightsOf(callerOf(question));
    const usable = agents.filter(({ name }) => mayUse(name));
    return [...new Set(usable.flatMap(({ collections }) => collections))].filter((name) => !isTenantCollection(name));
  };
}

function createDocumentSearch({ knowledge, tenants, semantic }: DocumentAnswersDeps, sharedWith: Shared) {
  return async (question: Asked<"search">): Promise<DocumentAnswer> => {
    const { query, limit, collection, source, document_type: type } = question;
    const own = await tenants.newest(question.caller.tenant);
    const shared = sharedWith(question);
    const asked = { query, limit: candidates };
    const byWords = best(
      [
        ...own.search({ ...asked, collections: own.collections }),
        ...knowledge.search({ ...asked, collections: shared }),
      ],
      2 * candidates,
    );
    const theirs = knowledge.passages().filter((one) => shared.includes(one.collection));
    const byMeaning = await semantic?.rank(query, [...own.passages, ...theirs]);
    const found = byMeaning === undefined ? byWords : fused(byWords, byMeaning, 2 * candidates);
    const results = found
      .map(({ score, ...passage }) => ({ ...readPassage(passage, own), score }))
      .filter((one) => collection === undefined || one.collection === collection)
      .filter((one) => source === undefined || one.source === source)
      .filter((one) => type === undefined || one.document_type === type);
    return { kind: "found", results: results.slice(0, limit) };
  };
}

type Shared = ReturnType<typeof createSharing>;

/**
 * Answers what edges ask about documents. Of the deployment's own documents everybody finds those of agents that they may use; of those that tenants have
 * brought, those of their own tenant.
 */
export function createDocumentAnswers(deps: DocumentAnswersDeps) {
  const { knowledge, tenants } = deps;
  const sharedWith = createSharing(deps);
  const search = createDocumentSearch(deps, sharedWith);

  const passage = async (question: Asked<"passage">): Promise<DocumentAnswer> => {
    const shared = knowledge.passage(question.id);
    if (shared !== undefined) {
      const isTheirs = sharedWith(question).includes(shared.collection);
      return { kind: "passage", ...(isTheirs ? { passage: readPassage(shared) } : {}) };
    }
    const own = await tenants.newest(question.caller.tenant);
    const found = own.passage(question.id);
    return { kind: "passage", ...(found === undefined ? {} : { passage: readPassage(found, own) }) };
  };

  const check = async ({ caller, document }: Asked<"check">): Promise<DocumentAnswer> => {
    try {
      const { title, chunks } = await tenants.check(caller.tenant, document);
      if (chunks.length === 0) return { kind: "refused", why: "says nothing" };
      return { kind: "checked", title: title.slice(0, 200).toWellFormed(), passages: chunks.length };
    } catch (error) {
      if (error instanceof DocumentError) return { kind: "refused", why: error.message };
      throw error;
    }
  };

  return (question: DocumentQuestion): Promise<DocumentAnswer> => {
    if (question.kind === "search") return search(question);
    return question.kind === "passage" ? passage(question) : check(question);
  };
}

function readPassage({ id, title, heading, collection, file, text }: Passage, own?: TenantIndex): ReadPassage {
  const stored = isTenantCollection(collection) ? own?.stored.get(file) : undefined;
  const at = file.indexOf("/");
  const { document_type, metadata } = stored ?? {};
  return {
    ...{ id, title, heading, path: file, collection: file.slice(0, at), source: file.slice(at + 1) },
    text: text.slice(0, documentStoreLimits.passageChars).toWellFormed(),
    ...(document_type === undefined ? {} : { document_type }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

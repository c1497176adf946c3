import { createHash } from "node:crypto";
import type { Bus } from "@parley/bus";
import {
  ChatError,
  demand,
  documentKindOf,
  documentStoreLimits,
  rightsOf,
  type Caller,
  type DocumentAnswer,
  type DocumentKind,
  type DocumentQuestion,
  type FoundPassageAnswer,
  type May,
  type ReadPassage,
  type StoredDocument,
} from "@parley/protocol";
import type { DocumentOutcome } from "../../figures/metrics.ts";

export interface DocumentsDeps extends Pick<Bus, "documents" | "documentQuestions"> {
  readonly may: May;
  readonly onDocument: (outcome: DocumentOutcome) => void;
}

/** A document that somebody brings. */
export interface BroughtDocument {
  readonly collection: string;
  /** Its name in the collection; one of the same name is replaced. */
  readonly source: string;
  /** Undefined: by the end of its name. */
  readonly kind?: DocumentKind;
  readonly bytes: Uint8Array;
  readonly document_type?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface SearchAsked {
  readonly query: string;
  readonly limit: number;
  readonly collection?: string | undefined;
  readonly source?: string | undefined;
  readonly document_type?: string | undefined;
}

type DocumentName = Pick<StoredDocument, "collection" | "source">;

export type Documents = ReturnType<typeof createDocuments>;

/** Reading a hostile document takes a worker 20 s, and others may be before it. */
const checkMs = 45_000;
/** A worker that stands still gets the question too: then it is asked once more. */
const askMs = 5_000;
const tries = 2;

/**
 * Documents of the caller's tenant. An edge reads none of them: it stores the bytes, has an agent worker read them, and puts what could be read into the
 * tenant's list. What is in the list is what agents search.
 */
export function createDocuments(deps: DocumentsDeps) {
  const { documents, may, onDocument } = deps;
  const ask = createAsking(deps);
  const bring = createBringing(deps, ask);
  const demandFor = (caller: Caller, action: "documents:read" | "documents:write"): void =>
    demand(may(caller, action, { kind: "documents" }));

  return {
    /** Throws INVALID_FRAME with what is wrong with it, CONFLICT when the tenant has no room, OVERLOADED when no agent worker answers. */
    async bring(caller: Caller, brought: BroughtDocument): Promise<StoredDocument> {
      demandFor(caller, "documents:write");
      try {
        const stored = await bring(caller, brought);
        onDocument("stored");
        return stored;
      } catch (error) {
        onDocument("refused");
        throw error;
      }
    },

    async list(caller: Caller): Promise<readonly StoredDocument[]> {
      demandFor(caller, "documents:read");
      return (await documents.list(caller.tenant)).documents;
    },

    /** Throws NOT_FOUND where there is none of this name. */
    async remove(caller: Caller, name: DocumentName): Promise<StoredDocument> {
      demandFor(caller, "documents:write");
      const removed = await documents.remove(caller.tenant, name);
      if (removed === undefined) throw new ChatError("NOT_FOUND", { message: "There is no such document." });
      onDocument("removed");
      return removed;
    },

    /** In what the caller's agents know, and in the documents of their tenant. */
    async search(caller: Caller, asked: SearchAsked): Promise<readonly FoundPassageAnswer[]> {
      demandFor(caller, "documents:read");
      const found = await ask.patiently({ kind: "search", ...askedBy(caller), ...asked });
      return found.kind === "found" ? found.results : [];
    },

    /** A passage that an answer rests on, for whoever may use an agent that has it, or is of its tenant. Throws NOT_FOUND. */
    async passage(caller: Caller, id: string): Promise<ReadPassage> {
      const found = await ask.patiently({ kind: "passage", ...askedBy(caller), id });
      const passage = found.kind === "passage" ? found.passage : undefined;
      // What the caller may not read is as unknown as what there is not.
      if (passage === undefined) throw new ChatError("NOT_FOUND", { message: "There is no such passage any more." });
      return passage;
    },
  };
}

/** Stores the bytes, has them read, and then puts the document into the list. */
function createBringing({ documents }: DocumentsDeps, ask: Asking) {
  return async (caller: Caller, brought: BroughtDocument): Promise<StoredDocument> => {
    const { tenant, user } = caller;
    const kind = checkedKind(brought);
    const { bytes, kind: _kind, ...named } = brought;
    const written = { kind, ...(await documents.write(tenant, bytes)) };
    try {
      const document = { source: brought.source, ...written };
      const checked = await ask.once({ kind: "check", ...askedBy(caller), document }, checkMs);
      if (checked.kind !== "checked") throw refused(brought, checked);
      const { title, passages } = checked;
      return await documents.put(tenant, { ...named, ...written, title, passages, bytes: bytes.length, by: user.id });
    } catch (error) {
      // Nobody will ask for it. What is left here goes with the tenant's next document.
      await documents.drop(tenant, written.version).catch(() => {});
      throw error;
    }
  };
}

/** By which clients may know a document: the same for the same name. */
export function documentId({ collection, source }: DocumentName): string {
  return createHash("sha256")
    .update(JSON.stringify([collection, source]))
    .digest("base64url")
    .slice(0, 16);
}

function askedBy(caller: Caller): Pick<DocumentQuestion, "user" | "caller"> {
  return { user: { id: caller.user.id }, caller: rightsOf(caller) };
}

type Asking = ReturnType<typeof createAsking>;

function createAsking({ documentQuestions }: Pick<DocumentsDeps, "documentQuestions">) {
  const once = async (question: DocumentQuestion, withinMs: number): Promise<DocumentAnswer> => {
    const answer = await documentQuestions.ask(question, withinMs);
    if (answer.kind !== "busy") return answer;
    const message = "The agent workers are busy reading documents. Try again.";
    throw new ChatError("OVERLOADED", { message, retryAfterMs: 2_000 });
  };
  return {
    once,
    async patiently(question: DocumentQuestion): Promise<DocumentAnswer> {
      for (let left = tries; ; left--) {
        try {
          return await once(question, askMs);
        } catch (error) {
          if (left <= 1) throw error;
        }
      }
    },
  };
}

function checkedKind({ source, kind, bytes }: BroughtDocument): DocumentKind {
  const found = kind ?? documentKindOf(source);
  if (found === undefined)
    throw invalid("Documents end in .md, .markdown, .txt, .html, .htm, .pdf or .docx: other files are not read.");
  if (bytes.length === 0) throw invalid("The document is empty.");
  if (bytes.length > documentStoreLimits.documentBytes) {
    const message = `A document may have ${documentStoreLimits.documentBytes / 2 ** 20} MB.`;
    throw new ChatError("MESSAGE_TOO_LARGE", { message });
  }
  return found;
}

function refused({ source }: BroughtDocument, answer: DocumentAnswer): ChatError {
  return invalid(`The document ${source} ${answer.kind === "refused" ? answer.why : "cannot be read"}.`);
}

function invalid(message: string): ChatError {
  return new ChatError("INVALID_FRAME", { message });
}

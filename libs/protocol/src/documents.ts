import { z } from "zod";
import { CallerRights } from "./caller.ts";

/** Documents that tenants have brought over HTTP, and what edges ask agent workers about documents. */

/** What a document may be: how it is read goes by the end of its name, and what it holds has to agree. */
export const documentKinds = ["markdown", "text", "html", "pdf", "docx"] as const;
export type DocumentKind = (typeof documentKinds)[number];

const kindsByEnd: Readonly<Record<string, DocumentKind>> = {
  md: "markdown",
  markdown: "markdown",
  txt: "text",
  html: "html",
  htm: "html",
  pdf: "pdf",
  docx: "docx",
};

/** Undefined: it is no document. */
export function documentKindOf(name: string): DocumentKind | undefined {
  const end = /\.([a-z]{2,8})$/.exec(name.toLowerCase().slice(-12))?.[1] ?? "";
  return Object.hasOwn(kindsByEnd, end) ? kindsByEnd[end] : undefined;
}

/** What one tenant may keep. */
export const documentStoreLimits = {
  /** One document, as it was sent. */
  documentBytes: 8 * 1024 * 1024,
  /** Of it in one message of the stream: below any broker's `max_payload`. */
  partBytes: 384 * 1024,
  documents: 200,
  tenantBytes: 64 * 1024 * 1024,
  /** Of all tenants together, on disk. */
  allBytes: 1024 * 1024 * 1024,
  sourceChars: 200,
  collectionChars: 64,
  /** What a client says of a document, as JSON. */
  metadataBytes: 1_024,
  /** Of one passage in an answer to an edge. Longer ones are cut. */
  passageChars: 6_000,
  /** Passages of one search. */
  results: 20,
} as const;

/** The collection of documents that name none. */
export const defaultCollection = "documents";
export const CollectionName = z
  .string()
  .regex(/^[A-Za-z0-9][\w-]{0,63}$/, "must be 1 to 64 letters, digits or _ -, a letter or digit first");

/** One document as the list of its tenant has it. A newer version may add to it. */
export const StoredDocument = z.object({
  collection: CollectionName,
  /** How its tenant calls it, once in a collection. */
  source: z.string().min(1).max(documentStoreLimits.sourceChars),
  /** How it is read; a version that does not know it leaves it out. */
  kind: z.string(),
  title: z.string(),
  bytes: z.number().int().nonnegative(),
  /** SHA-256 of it, in hex. */
  hash: z.string(),
  /** By which its parts are found; new for each upload. */
  version: z.string().regex(/^[a-z0-9]{8,40}$/),
  parts: z.number().int().positive(),
  passages: z.number().int().nonnegative(),
  /** Who brought it: an id of a user. */
  by: z.string(),
  /** ms since 1970. */
  created_at: z.number(),
  updated_at: z.number(),
  document_type: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});
export type StoredDocument = z.infer<typeof StoredDocument>;

export const DocumentList = z.object({
  v: z.literal(1),
  n: z.number().int().positive(),
  documents: z.array(StoredDocument),
});
export type DocumentList = z.infer<typeof DocumentList>;

/** A document that is stored, and in no list yet. */
export const DocumentVersion = StoredDocument.pick({
  source: true,
  kind: true,
  hash: true,
  version: true,
  parts: true,
});
export type DocumentVersion = z.infer<typeof DocumentVersion>;

/** For whom it is asked. Rights are those that the worker knows at the moment. */
const asked = {
  user: z.object({ id: z.string() }),
  caller: CallerRights,
  /** Whoever answers says that it is at it (`working`) as long as it is. Absent: an older edge asks, which knows no such answer. */
  tells: z.literal(true).optional(),
};

export const DocumentQuestion = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("check"), ...asked, document: DocumentVersion }),
  z.object({
    kind: z.literal("search"),
    ...asked,
    query: z.string(),
    limit: z.number().int().positive().max(documentStoreLimits.results),
    collection: z.string().optional(),
    source: z.string().optional(),
    document_type: z.string().optional(),
  }),
  z.object({ kind: z.literal("passage"), ...asked, id: z.string() }),
]);
export type DocumentQuestion = z.infer<typeof DocumentQuestion>;

export const ReadPassage = z.object({
  id: z.string().describe("The passage's own id."),
  title: z.string().describe("The document's title and the headings above the passage."),
  heading: z.string().describe("The nearest heading."),
  path: z.string().describe("The path of the document: its collection and its name."),
  collection: z.string().describe("Where the document is."),
  source: z.string().describe("The document's name in its collection."),
  text: z.string().describe("The passage."),
  document_type: z.string().optional().describe("As whoever brought the document calls it."),
  metadata: z.record(z.string(), z.unknown()).optional().describe("What whoever brought the document says of it."),
});
export type ReadPassage = z.infer<typeof ReadPassage>;

export const FoundPassageAnswer = ReadPassage.extend({ score: z.number().describe("How well it fits, 0 to 1.") });
export type FoundPassageAnswer = z.infer<typeof FoundPassageAnswer>;

/** What a worker answers: to `check`, `search` and `passage`; or why it cannot. `working`: nothing yet. */
export const DocumentAnswer = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("checked"), title: z.string(), passages: z.number().int().nonnegative() }),
  z.object({ kind: z.literal("refused"), why: z.string() }),
  z.object({ kind: z.literal("found"), results: z.array(FoundPassageAnswer) }),
  z.object({ kind: z.literal("passage"), passage: ReadPassage.optional() }),
  z.object({ kind: z.literal("busy") }),
  z.object({ kind: z.literal("working") }),
]);
export type DocumentAnswer = z.infer<typeof DocumentAnswer>;

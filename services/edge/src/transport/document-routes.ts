import {
  CollectionName,
  defaultCollection,
  documentStoreLimits,
  isDeeperThan,
  limits,
  ReadPassage,
  sourcesPath,
  type StoredDocument,
} from "@parley/protocol";
import { z } from "zod";
import { documentId, type Documents } from "../commands/documents/documents.ts";
import { FormFile } from "./form-body.ts";
import { jsonReply, type Reply } from "./reply.ts";
import { defineRoute, nothing, type Route } from "./route.ts";

export interface DocumentRouteDeps {
  readonly documents: Documents;
}

const path = "/api/v1/documents";

const { sourceChars, documentBytes, metadataBytes, results } = documentStoreLimits;
/** Around the file stand its name and the other fields. */
const formBytes = documentBytes + 64 * 1024;

const collection = CollectionName.default(defaultCollection).describe("Where the document is to be.");
/** What stands in lists, in logs and in the prompt is one line. */
const source = z
  .string()
  .trim()
  .min(1)
  .max(sourceChars)
  .regex(/^[^\p{Cc}]*$/u, "must be one line")
  .transform((text) => text.toWellFormed());
const documentType = z.string().max(64).default("manual").describe("Anything; searches can ask for it.");
const metadata = z
  .record(z.string(), z.unknown())
  // JSON can be parsed at depths at which it cannot be written again.
  .refine(
    (value) => !isDeeperThan(value, limits.metadataDepth) && Buffer.byteLength(JSON.stringify(value)) <= metadataBytes,
    `may have ${metadataBytes} bytes of JSON, ${limits.metadataDepth} levels deep`,
  )
  .default({})
  .describe("Anything; searches return it.");

const BroughtAnswer = z.object({
  document_id: z.string(),
  filename: z.string().describe("Its name in the collection."),
  collection: z.string(),
  title: z.string(),
  document_type: z.string(),
  chunks_created: z.number().describe("Passages that can be found."),
  tokens_used: z.number().describe("0: no model was asked."),
  chunking_strategy: z.string().describe("How it was cut: `markdown` at its headings, `text` between paragraphs."),
});

const DocumentInfo = z.object({
  document_id: z.string(),
  source: z.string(),
  collection: z.string(),
  title: z.string(),
  document_type: z.string(),
  format: z.string(),
  bytes: z.number(),
  chunk_count: z.number(),
  uploaded_by: z.string(),
  first_indexed: z.string().describe("ISO 8601."),
  last_indexed: z.string().describe("ISO 8601."),
});
const DocumentsAnswer = z.object({ documents: z.array(DocumentInfo) });

const FoundAnswer = z.object({
  results: z.array(
    z.object({
      content: z.string().describe("The passage."),
      score: z.number().describe("How well it fits, 0 to 1."),
      source: z.string().describe("The document's name in its collection."),
      id: z.string().describe("The passage's own id."),
      link: z.string().describe("Where it is read."),
      metadata: z.record(z.string(), z.unknown()),
    }),
  ),
  query: z.string(),
  total: z.number(),
});
const StatsAnswer = z.object({
  total_chunks: z.number(),
  total_sources: z.number(),
  total_document_types: z.number(),
});
const RemovedAnswer = z.object({ message: z.string(), source: z.string(), chunks_deleted: z.number() });

/** Documents of the caller's tenant, in the form of seed C, and passages that answers rest on. */
export function createDocumentRoutes(deps: DocumentRouteDeps): Route[] {
  return [
    uploadRoute(deps),
    ingestRoute(deps),
    searchRoute(deps),
    ...[path, `${path}/`, `${path}/list`].map((address) => listRoute(deps, address)),
    statsRoute(deps),
    removalRoute(deps),
    passageRoute(deps),
  ];
}

function broughtReply(document: StoredDocument): Reply {
  const answer: z.infer<typeof BroughtAnswer> = {
    document_id: documentId(document),
    filename: document.source,
    collection: document.collection,
    title: document.title,
    document_type: document.document_type ?? "",
    chunks_created: document.passages,
    tokens_used: 0,
    chunking_strategy: document.kind === "text" ? "text" : "markdown",
  };
  return jsonReply(200, answer);
}

function uploadRoute({ documents }: DocumentRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: `${path}/upload`,
    summary: "Bring a document: Markdown, text, HTML, PDF or DOCX. One of the same name in the collection is replaced.",
    access: "user",
    ...{ params: nothing, query: nothing, isForm: true, maxBodyBytes: formBytes },
    body: z.object({ file: FormFile, collection, document_type: documentType }),
    responses: { 200: { description: "It can be found.", content: BroughtAnswer } },
    async handle({ caller }, { body: { file, ...where } }) {
      const name = source.safeParse(file.name).data ?? "";
      return broughtReply(await documents.bring(caller, { ...where, source: name, bytes: file.bytes }));
    },
  });
}

function ingestRoute({ documents }: DocumentRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: `${path}/ingest-text`,
    summary: "Bring a document as text.",
    access: "user",
    ...{ params: nothing, query: nothing },
    body: z.object({
      text: z.string().min(1).describe("What it says; headings of Markdown are its headings."),
      source: source.describe("Its name in the collection; one of the same name is replaced."),
      collection,
      document_type: documentType,
      chunking_strategy: z
        .enum(["markdown", "semantic", "recursive", "fixed"])
        .nullish()
        .describe("`recursive` and `fixed`: no line of it is a heading."),
      metadata,
    }),
    responses: { 200: { description: "It can be found.", content: BroughtAnswer } },
    async handle({ caller }, { body: { text, chunking_strategy: strategy, ...document } }) {
      const kind = strategy === "recursive" || strategy === "fixed" ? "text" : "markdown";
      const bytes = Buffer.from(text.toWellFormed());
      return broughtReply(await documents.bring(caller, { ...document, kind, bytes }));
    },
  });
}

function searchRoute({ documents }: DocumentRouteDeps): Route {
  return defineRoute({
    method: "post",
    path: `${path}/search`,
    summary:
      "Passages that answer a question, the best first: of the tenant's documents, and of those of the caller's agents.",
    access: "user",
    ...{ params: nothing, query: nothing },
    body: z.object({
      query: z.string().min(1).max(2_000),
      top_k: z.number().int().min(1).max(results).default(5),
      collection: z.string().max(64).nullish(),
      document_type: z.string().max(64).nullish(),
      source: z.string().max(sourceChars).nullish(),
      min_score: z.number().min(0).max(1).default(0).describe("Passages below 0.35 are never found."),
    }),
    responses: { 200: { description: "What was found.", content: FoundAnswer } },
    async handle({ caller }, { body: { query, top_k: limit, min_score: least, ...only } }) {
      const asked = {
        collection: only.collection ?? undefined,
        document_type: only.document_type ?? undefined,
        source: only.source ?? undefined,
      };
      const found = await documents.search(caller, { query, limit, ...asked });
      const answers = found
        .filter(({ score }) => score >= least)
        .map(({ id, title, heading, path: at, collection: place, source: name, text, score, ...said }) => ({
          ...{ content: text, score, source: name, id, link: `${sourcesPath}/${id}` },
          metadata: {
            ...said.metadata,
            title,
            heading,
            path: at,
            collection: place,
            document_type: said.document_type,
          },
        }));
      const answer: z.infer<typeof FoundAnswer> = { results: answers, query, total: answers.length };
      return jsonReply(200, answer);
    },
  });
}

function listRoute({ documents }: DocumentRouteDeps, address: string): Route {
  return defineRoute({
    method: "get",
    path: address,
    summary: "The documents of the caller's tenant.",
    access: "user",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "All of them.", content: DocumentsAnswer } },
    async handle({ caller }) {
      const answer: z.infer<typeof DocumentsAnswer> = { documents: (await documents.list(caller)).map(infoOf) };
      return jsonReply(200, answer);
    },
  });
}

function infoOf(document: StoredDocument): z.infer<typeof DocumentInfo> {
  return {
    document_id: documentId(document),
    source: document.source,
    collection: document.collection,
    title: document.title,
    document_type: document.document_type ?? "",
    format: document.kind,
    bytes: document.bytes,
    chunk_count: document.passages,
    uploaded_by: document.by,
    first_indexed: new Date(document.created_at).toISOString(),
    last_indexed: new Date(document.updated_at).toISOString(),
  };
}

function statsRoute({ documents }: DocumentRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: `${path}/stats`,
    summary: "How much the caller's tenant has brought.",
    access: "user",
    ...{ params: nothing, query: nothing, body: nothing },
    responses: { 200: { description: "In numbers.", content: StatsAnswer } },
    async handle({ caller }) {
      const all = await documents.list(caller);
      const answer: z.infer<typeof StatsAnswer> = {
        total_chunks: all.reduce((sum, { passages }) => sum + passages, 0),
        total_sources: all.length,
        total_document_types: new Set(all.map(({ document_type: type }) => type)).size,
      };
      return jsonReply(200, answer);
    },
  });
}

function removalRoute({ documents }: DocumentRouteDeps): Route {
  return defineRoute({
    method: "delete",
    path: `${path}/:source`,
    summary: "Remove a document, by its name in the collection.",
    access: "user",
    params: z.object({ source: z.string().min(1).max(sourceChars) }),
    query: z.object({ collection }),
    body: nothing,
    responses: { 200: { description: "It is gone.", content: RemovedAnswer } },
    async handle({ caller }, { params: { source: name }, query: { collection: place } }) {
      const { passages } = await documents.remove(caller, { collection: place, source: name });
      const answer: z.infer<typeof RemovedAnswer> = {
        ...{ message: "Document deleted", source: name, chunks_deleted: passages },
      };
      return jsonReply(200, answer);
    },
  });
}

function passageRoute({ documents }: DocumentRouteDeps): Route {
  return defineRoute({
    method: "get",
    path: `${sourcesPath}/:id`,
    summary: "A passage that an answer rests on, for whoever may use an agent that has it, or is of its tenant.",
    access: "user",
    params: z.object({ id: z.string().min(1).max(64) }),
    query: nothing,
    body: nothing,
    responses: { 200: { description: "The passage.", content: ReadPassage } },
    async handle({ caller }, { params: { id } }) {
      return jsonReply(200, await documents.passage(caller, id));
    },
  });
}

import path from "node:path";
import type { DocumentKind } from "@parley/protocol";
import { chunksOf, type Chunk } from "./chunks.ts";
import { decodeText, DocumentError, documentLimits, type DocumentText } from "./document-kind.ts";

/** What is to be read. */
export interface DocumentFile {
  readonly kind: DocumentKind;
  /** Of its file, which stands for a title where it has none. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A document, and the same cut into passages. */
export interface ReadDocument {
  readonly text: string;
  readonly title: string;
  readonly chunks: readonly Chunk[];
}

/** A few paragraphs: enough to stand alone, small enough that four of them fit any model. */
const MAX_CHUNK_CHARS = 1_200;

/** Reads a document of any kind. What reads a kind is loaded when the first one of it is there. Throws DocumentError. */
export async function readDocument({ kind, name, bytes }: DocumentFile): Promise<ReadDocument> {
  if (bytes.length > documentLimits.fileBytes)
    throw new DocumentError(`is larger than ${documentLimits.fileBytes / 2 ** 20} MB`);
  const read = await readers[kind](bytes);
  if (read.text.length > documentLimits.textChars) throw new DocumentError("has more text than is read");
  const text = read.text.toWellFormed();
  const untitled = read.title?.slice(0, 200).toWellFormed() ?? path.parse(name).name;
  const chunks = chunksOf(text, { maxChars: MAX_CHUNK_CHARS, untitled, isPlain: kind === "text" });
  // The outermost heading of the first passage that says something.
  return { text, title: chunks[0]?.title.split(" › ")[0] ?? untitled, chunks };
}

const readers: Readonly<Record<DocumentKind, (bytes: Uint8Array) => Promise<DocumentText>>> = {
  markdown: (bytes) => Promise.resolve().then(() => ({ text: decodeText(bytes) })),
  text: (bytes) => Promise.resolve().then(() => ({ text: decodeText(bytes) })),
  html: async (bytes) => (await import("./html-markdown.ts")).htmlToMarkdown(decodeText(bytes)),
  pdf: async (bytes) => (await import("./pdf-markdown.ts")).pdfToMarkdown(bytes),
  docx: async (bytes) => (await import("./docx-markdown.ts")).docxToMarkdown(bytes),
};

import type { Dirent } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { StartError } from "@parley/runtime";
import { chunksOf } from "./chunks.ts";
import { createSearchIndex, type FoundPassage, type Passage, type SearchQuery } from "./search-index.ts";

/** What the agents can look up: collections of documents. */
export interface Knowledge {
  collections(): readonly string[];
  /** The passages that answer best, the best first; none when nothing is good enough. Synchronous, takes about a millisecond. */
  search(query: SearchQuery): FoundPassage[];
}

/** One file of it, whole. */
export interface KnowledgeDocument {
  readonly collection: string;
  /** As sources name it. */
  readonly file: string;
  readonly title: string;
  readonly text: string;
}

export interface KnowledgeFolder extends Knowledge {
  /** By file. */
  documents(): readonly KnowledgeDocument[];
}

/** A few paragraphs: enough to stand alone, small enough that four of them fit any model. */
const MAX_CHUNK_CHARS = 1_200;

/** Reads `<folder>/<collection>/*.md` into memory. Throws StartError when the folder or a document cannot be read. */
export async function loadKnowledge(folder: string): Promise<KnowledgeFolder> {
  const collections = await entriesOf(folder, (entry) => entry.isDirectory());
  const documents: KnowledgeDocument[] = [];
  const passages: Passage[] = [];
  for (const collection of collections) {
    for (const name of await documentsIn(path.join(folder, collection))) {
      const read = await readDocument(folder, collection, name);
      documents.push(read.document);
      passages.push(...read.passages);
    }
  }
  return { collections: () => collections, documents: () => documents, search: createSearchIndex(passages) };
}

function documentsIn(folder: string): Promise<string[]> {
  return entriesOf(folder, (entry) => entry.isFile() && entry.name.endsWith(".md"));
}

async function readDocument(
  folder: string,
  collection: string,
  name: string,
): Promise<{ readonly document: KnowledgeDocument; readonly passages: readonly Passage[] }> {
  const place = path.join(folder, collection, name);
  const text = await readFile(place, "utf8").catch((cause: unknown) => unreadable(place, cause));
  const untitled = path.parse(name).name;
  const file = `${collection}/${name}`;
  const chunks = chunksOf(text, { maxChars: MAX_CHUNK_CHARS, untitled });
  // The outermost heading of the first passage that says something.
  const title = chunks[0]?.title.split(" › ")[0] ?? untitled;
  return {
    document: { collection, file, title, text },
    passages: chunks.map((chunk) => ({ collection, file, ...chunk })),
  };
}

async function entriesOf(folder: string, wanted: (entry: Dirent) => boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => unreadable(folder, cause));
  return entries
    .filter((entry) => wanted(entry) && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .toSorted();
}

function unreadable(file: string, cause: unknown): never {
  throw new StartError(`The knowledge in ${file} cannot be read.`, { cause });
}

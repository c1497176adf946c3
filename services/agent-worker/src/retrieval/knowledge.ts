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

/** A few paragraphs: enough to stand alone, small enough that four of them fit any model. */
const MAX_CHUNK_CHARS = 1_200;

/** Reads `<folder>/<collection>/*.md` into memory. Throws StartError when the folder or a document cannot be read. */
export async function loadKnowledge(folder: string): Promise<Knowledge> {
  const collections = await entriesOf(folder, (entry) => entry.isDirectory());
  const passages: Passage[] = [];
  for (const collection of collections) passages.push(...(await readCollection(folder, collection)));
  return { collections: () => collections, search: createSearchIndex(passages) };
}

async function readCollection(folder: string, collection: string): Promise<Passage[]> {
  const names = await entriesOf(path.join(folder, collection), (entry) => entry.isFile() && entry.name.endsWith(".md"));
  const passages: Passage[] = [];
  for (const name of names) {
    const file = path.join(folder, collection, name);
    const markdown = await readFile(file, "utf8").catch((cause: unknown) => unreadable(file, cause));
    const chunks = chunksOf(markdown, { maxChars: MAX_CHUNK_CHARS, untitled: path.parse(name).name });
    passages.push(...chunks.map((chunk) => ({ collection, file: `${collection}/${name}`, ...chunk })));
  }
  return passages;
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

import type { Dirent, Stats } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { documentKindOf } from "@parley/protocol";
import { StartError } from "@parley/runtime";
import { DocumentError, documentLimits } from "./formats/document-kind.ts";
import type { DocumentReader } from "./formats/document-reader.ts";
import { documentOf, type KnowledgeDocument } from "./passage.ts";

/** What a folder holds, in the order of names. */
export interface FolderContent {
  readonly collections: readonly string[];
  readonly documents: readonly KnowledgeDocument[];
  /** Documents that are left out, each as a sentence. */
  readonly problems: readonly string[];
}

interface Entry {
  /** Changes when the file does: who mounts another version changes its time, its size or its inode. */
  readonly mark: string;
  readonly document?: KnowledgeDocument;
  readonly problem?: string;
}

/** In all of the knowledge: more is for another kind of index. */
const maxPassages = 50_000;

/**
 * Reads `<folder>/<collection>/*` into memory, and again what has changed. A document that cannot be read is left out and told of; the others stay. Throws
 * StartError when the folder itself cannot be read.
 */
export function createFolderReading(folder: string, read: DocumentReader) {
  let entries = new Map<string, Entry>();
  let collections: readonly string[] = [];

  const entryOf = async (collection: string, name: string): Promise<Entry | undefined> => {
    const file = `${collection}/${name}`;
    const place = path.join(folder, collection, name);
    const kind = documentKindOf(name);
    const found = await stat(place).catch(() => undefined);
    if (kind === undefined || found === undefined || !found.isFile()) return undefined;
    const mark = markOf(found);
    const known = entries.get(file);
    if (known?.mark === mark) return known;
    try {
      if (found.size > documentLimits.fileBytes) throw new DocumentError("is too large");
      const bytes = await readFile(place).catch((cause: unknown) => {
        throw new DocumentError("cannot be read", { cause });
      });
      return { mark, document: documentOf({ collection, file }, await read({ kind, name, bytes })) };
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      return { mark, problem: `The document ${file} ${error.message}: it is left out.` };
    }
  };

  return {
    /** Undefined: nothing has changed since the last time. */
    async look(): Promise<FolderContent | undefined> {
      const names = await entriesOf(folder, (entry) => entry.isDirectory() || entry.isSymbolicLink());
      const now = new Map<string, Entry>();
      const folders: string[] = [];
      for (const collection of names) {
        const files = await filesIn(path.join(folder, collection));
        if (files === undefined) continue;
        folders.push(collection);
        for (const name of files) {
          const entry = await entryOf(collection, name);
          if (entry !== undefined) now.set(`${collection}/${name}`, entry);
        }
      }
      const isSame = folders.join("/") === collections.join("/") && isAlike(entries, now);
      [entries, collections] = [now, folders];
      return isSame ? undefined : contentOf(folders, now);
    },
  };
}

function markOf({ mtimeMs, size, ino }: Stats): string {
  return `${mtimeMs} ${size} ${ino}`;
}

function isAlike(before: ReadonlyMap<string, Entry>, now: ReadonlyMap<string, Entry>): boolean {
  return before.size === now.size && [...now].every(([file, entry]) => before.get(file) === entry);
}

function contentOf(collections: readonly string[], entries: ReadonlyMap<string, Entry>): FolderContent {
  const documents: KnowledgeDocument[] = [];
  const problems: string[] = [];
  let passages = 0;
  for (const [file, { document, problem }] of entries) {
    if (problem !== undefined) problems.push(problem);
    if (document === undefined) continue;
    passages += document.passages.length;
    if (passages <= maxPassages) documents.push(document);
    else problems.push(`The document ${file} is left out: there are more than ${maxPassages} passages.`);
  }
  return { collections, documents, problems };
}

/** Undefined: it is no folder, or is gone meanwhile. */
async function filesIn(folder: string): Promise<string[] | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  return entries && namesOf(entries, (entry) => entry.isFile() || entry.isSymbolicLink());
}

async function entriesOf(folder: string, wanted: (entry: Dirent) => boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new StartError(`The knowledge in ${folder} cannot be read.`, { cause });
  });
  return namesOf(entries, wanted);
}

/** What begins with a dot is nobody's document: so Kubernetes calls what it mounts beside its links. */
function namesOf(entries: readonly Dirent[], wanted: (entry: Dirent) => boolean): string[] {
  return entries
    .filter((entry) => wanted(entry) && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .toSorted();
}

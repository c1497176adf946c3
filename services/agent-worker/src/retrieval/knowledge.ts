import type { Logger } from "@parley/runtime";
import { createDocumentReader } from "./formats/document-reader.ts";
import { createFolderReading, type FolderContent } from "./knowledge-folder.ts";
import type { FoundPassage, KnowledgeDocument, Passage } from "./passage.ts";
import { buildSearchIndex, type SearchIndex, type SearchQuery } from "./search-index.ts";

/** What the agents can look up: collections of documents. */
export interface Knowledge {
  collections(): readonly string[];
  /** The passages that answer best, the best first; none when nothing is good enough. Synchronous, takes about a millisecond. */
  search(query: SearchQuery): FoundPassage[];
}

export interface KnowledgeFolder extends Knowledge {
  /** By file. */
  documents(): readonly KnowledgeDocument[];
  passage(id: string): Passage | undefined;
  /** All of them, in the order of the documents. */
  passages(): readonly Passage[];
  /** Documents that are left out, each as a sentence. */
  problems(): readonly string[];
  /** Reads again what changes, until the returned function is called. What is found with it changes at once, whole. */
  watch(options: WatchOptions): () => void;
}

export interface WatchOptions {
  readonly log: Logger;
  /** Default: 2 s, as for other files that are read again. */
  readonly everyMs?: number;
  readonly onChange?: () => void;
}

const defaultEveryMs = 2_000;

interface Snapshot extends FolderContent {
  readonly index: SearchIndex;
}

async function snapshotOf(content: FolderContent): Promise<Snapshot> {
  return { ...content, index: await buildSearchIndex(content.documents.flatMap(({ passages }) => passages)) };
}

/** Reads `<folder>/<collection>/*` into memory. Throws StartError when the folder cannot be read. */
export async function loadKnowledge(folder: string): Promise<KnowledgeFolder> {
  const reading = createFolderReading(folder, createDocumentReader());
  const nothing: FolderContent = { collections: [], documents: [], problems: [] };
  let current = await snapshotOf((await reading.look()) ?? nothing);

  const look = async ({ log, onChange }: WatchOptions): Promise<void> => {
    const changed = await reading.look();
    if (changed === undefined) return;
    current = await snapshotOf(changed);
    const { documents, problems, index } = current;
    log.info({ documents: documents.length, passages: index.passages.length }, "the documents were read again");
    if (problems.length > 0) log.warn({ problems: problems.slice(0, 20) }, "documents are left out");
    onChange?.();
  };

  return {
    collections: () => current.collections,
    documents: () => current.documents,
    problems: () => current.problems,
    passages: () => current.index.passages,
    passage: (id) => current.index.passage(id),
    search: (query) => current.index.search(query),
    watch(options) {
      let isLooking = false;
      let isMissing = false;
      const timer = setInterval(() => {
        if (isLooking) return;
        isLooking = true;
        look(options)
          .then(
            () => (isMissing = false),
            (err: unknown) => {
              if (!isMissing) options.log.error({ err }, "the documents cannot be read any more: the last ones count");
              isMissing = true;
            },
          )
          .finally(() => (isLooking = false));
      }, options.everyMs ?? defaultEveryMs);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

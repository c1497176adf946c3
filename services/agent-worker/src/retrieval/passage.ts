import { createHash } from "node:crypto";
import type { ReadDocument } from "./formats/read-document.ts";

/** A passage of the knowledge. */
export interface Passage {
  /** The same for the same words in the same place, whoever reads the document, and whenever. */
  readonly id: string;
  readonly collection: string;
  /** `<collection>/<file>`. */
  readonly file: string;
  /** The document's title and the headings above the passage. */
  readonly title: string;
  /** The nearest heading. */
  readonly heading: string;
  readonly text: string;
}

export interface FoundPassage extends Passage {
  /** 0 to 1: how much of the question it covers, and how it compares with the best one. */
  readonly score: number;
}

/** One document, whole. */
export interface KnowledgeDocument {
  readonly collection: string;
  /** As sources name it. */
  readonly file: string;
  readonly title: string;
  readonly text: string;
  readonly passages: readonly Passage[];
}

/** Where a document is. */
export interface DocumentPlace {
  readonly collection: string;
  readonly file: string;
  /** Two tenants may have the same document: what one of them was told of is no key to the other's. */
  readonly tenant?: string | undefined;
}

export function documentOf(
  { collection, file, tenant }: DocumentPlace,
  { title, text, chunks }: ReadDocument,
): KnowledgeDocument {
  const passages = new Map<string, Passage>();
  for (const chunk of chunks) {
    const id = passageId(collection, file, chunk.title, chunk.text, ...(tenant === undefined ? [] : [tenant]));
    // What stands there twice is found once.
    if (!passages.has(id)) passages.set(id, { id, collection, file, ...chunk });
  }
  return { collection, file, title, text, passages: [...passages.values()] };
}

/** 96 bits: nobody meets two that are alike, and it may stand in an address. */
function passageId(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 16);
}

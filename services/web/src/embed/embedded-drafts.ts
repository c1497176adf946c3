import { createKeptTexts, createTextsInMemory, type KeptTexts } from "../chat/kept-texts.ts";
import { browserStorage } from "../settings/text-store.ts";
import { draftsPrefix, nameOf, type Named } from "./kept.ts";

/** The storage is the page's own: this is a twentieth of it at the most. */
const draftBounds = { family: draftsPrefix, maxEntries: 8, maxChars: 16 * 1024 } as const;

/** What one visitor has typed and not sent. Until it is known who that is nothing is read, and nothing kept but in the page. */
export function createEmbeddedDrafts(attributes: Named, page: Window, userId: string | undefined): KeptTexts {
  if (!attributes.isKept || userId === undefined) return createTextsInMemory();
  const prefix = `${draftsPrefix}${userId} ${nameOf(attributes)} `;
  return createKeptTexts({ prefix, storage: browserStorage("localStorage", page), ...draftBounds });
}

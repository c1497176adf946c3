import type { FileStore } from "./file-store.ts";
import { scopeOfBytes } from "./seal-places.ts";
import type { SealedTexts, TextPlace } from "./sealed-texts.ts";

/** What files take of encryption; see `Sealing`. */
export interface FileSealing {
  readonly texts: SealedTexts;
  readonly shred: (scope: string) => Promise<void>;
}

function placeOf(key: string): TextPlace {
  return { scope: scopeOfBytes(key.split("/", 1)[0] ?? ""), place: `file.${key}` };
}

/** Each piece is sealed with the key of its file; what was stored plain is read as it is, which its file's hash confirms. */
export function createSealedFileStore(store: FileStore, { texts }: FileSealing): FileStore {
  return {
    ...store,
    put: async (key, bytes) => store.put(key, await texts.sealBytes(placeOf(key), bytes)),
    async get(key) {
      const bytes = await store.get(key);
      return bytes && texts.openBytes(placeOf(key), bytes, { isRaw: true });
    },
  };
}

import type { DataKeys } from "./data-keys.ts";
import { SealedError } from "./opening.ts";
import { isKnownSeal, isSealed, isSealedWith, openData, sealData } from "./seal-format.ts";

/** Of what is kept elsewhere than in streams: `scope` as in `SealPlace`, `place` what the seal is bound to. */
export interface TextPlace {
  readonly scope: string;
  readonly place: string | Buffer;
  /** For a key that is made by it. */
  readonly tenant?: string | undefined;
}

/** Seals bytes and texts for Redis, and for stores of files. */
export interface SealedTexts {
  /** Whether anything is sealed. */
  readonly seals: boolean;
  seal(at: TextPlace, text: string): Promise<string>;
  /** What is plain comes as it is. Undefined: its key was erased, or it was sealed for another place. Throws SealedError where it cannot be opened now. */
  open(at: TextPlace, sealed: string): Promise<string | undefined>;
  sealBytes(at: TextPlace, data: Uint8Array): Promise<Uint8Array>;
  /** `isRaw`: plain bytes may begin as sealed ones do; what has no such key is taken for plain, and its readers know it by a hash. */
  openBytes(at: TextPlace, data: Uint8Array, options?: { readonly isRaw?: boolean }): Promise<Uint8Array | undefined>;
}

const bytesOf = (place: string | Buffer): Buffer => (typeof place === "string" ? Buffer.from(place) : place);

/** No JSON begins so. */
const prefix = "sealed:";

/** Of a process that has no keys. */
export const plainTexts: SealedTexts = {
  seals: false,
  seal: async (_, text) => text,
  async open(_, text) {
    if (text.startsWith(prefix)) throw new SealedError(new Error("this process has no keys"));
    return text;
  },
  sealBytes: async (_, data) => data,
  async openBytes(_, data, { isRaw = false } = {}) {
    if (isSealed(data) && !isRaw) throw new SealedError(new Error("this process has no keys"));
    return data;
  },
};

export function createSealedTexts({ keys, seals }: { readonly keys: DataKeys; readonly seals: boolean }): SealedTexts {
  const sealBytes: SealedTexts["sealBytes"] = async ({ scope, place, tenant }, data) => {
    const state = await keys.state(scope, { makes: true, tenant });
    if (state.kind !== "key") throw new SealedError(state.kind === "unavailable" ? state.error : undefined);
    return sealData(state.key, bytesOf(place), data);
  };
  const openBytes: SealedTexts["openBytes"] = async ({ scope, place }, data, { isRaw = false } = {}) => {
    const otherwise = isRaw ? data : undefined;
    if (!isSealed(data)) return data;
    if (!isKnownSeal(data)) return otherwise;
    let state = await keys.state(scope);
    if (state.kind === "key" && !isSealedWith(data, state.key)) state = await keys.state(scope, { isFresh: true });
    if (state.kind === "unavailable") throw new SealedError(state.error);
    if (state.kind !== "key" || !isSealedWith(data, state.key)) return otherwise;
    return openData(state.key, bytesOf(place), data);
  };
  return {
    seals,
    sealBytes: async (at, data) => (seals ? sealBytes(at, data) : data),
    openBytes,
    async seal(at, text) {
      if (!seals) return text;
      return prefix + Buffer.from(await sealBytes(at, Buffer.from(text))).toString("base64");
    },
    async open(at, text) {
      if (!text.startsWith(prefix)) return text;
      const data = await openBytes(at, Buffer.from(text.slice(prefix.length), "base64"));
      return data && Buffer.from(data).toString();
    },
  };
}

/** One page of what the store has, in an order of its own. */
export interface StoredKeys {
  readonly keys: readonly StoredKey[];
  /** Where the next page begins; undefined: this is the last one. */
  readonly next: string | undefined;
}

export interface StoredKey {
  readonly key: string;
  /** By the store's own clock, ms since 1970. */
  readonly storedMs: number;
}

/**
 * Where the bytes of files are, in pieces of at most `fileLimits.partBytes`. It knows no file: what a key is for stands in the record that names it, and what none names is collected.
 * A key is written once.
 */
export interface FileStore {
  /** Which it is, as a label. */
  readonly kind: "nats" | "s3";
  /** Throws OVERLOADED when the store does not take it for 15 s, or has no room. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** A copy of its own; undefined: there is none, or it is not what was stored. Throws OVERLOADED when the store does not answer. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Can be repeated; what is not there is as good as removed. Throws when the store does not answer. */
  remove(keys: readonly string[]): Promise<void>;
  /** `after`: where a page before it ended. */
  list(after?: string): Promise<StoredKeys>;
  close(): void;
}

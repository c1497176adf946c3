import { hash } from "node:crypto";
import type { Identity } from "./identity.ts";
import type { TokenVerifier } from "./token-verifier.ts";

interface Remembered {
  readonly identity: Identity;
  readonly verifier: TokenVerifier;
  readonly version: number;
}

/** More than the sockets of an edge; each takes some half a kilobyte. */
const maxRememberedTokens = 50_000;

/**
 * Whose the tokens are that were verified, by their hash: the tokens themselves are not kept. A signature is checked once, not at each reconnection. Refusals are not
 * remembered: there is no end of bad tokens.
 */
export function createRememberedTokens(maxTokens = maxRememberedTokens) {
  /** In the order of their last use. */
  const remembered = new Map<string, Remembered>();

  return {
    keyOf: (token: string): string => hash("sha256", token, "base64url"),

    /** Undefined when it is not known, has run out, or a key of its maker was withdrawn since. */
    find(key: string): Identity | undefined {
      const found = remembered.get(key);
      if (found === undefined) return undefined;
      remembered.delete(key);
      const { identity, verifier, version } = found;
      if (identity.expiresAtMs <= Date.now() || version !== verifier.version()) return undefined;
      remembered.set(key, found);
      return identity;
    },

    /** `version` is the verifier's before it began: a key that was withdrawn meanwhile counts. */
    keep(key: string, entry: Remembered): void {
      remembered.set(key, entry);
      const [oldest] = remembered.keys();
      if (remembered.size > maxTokens && oldest !== undefined) remembered.delete(oldest);
    },

    size: (): number => remembered.size,
  };
}

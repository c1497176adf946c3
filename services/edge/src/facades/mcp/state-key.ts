import { randomBytes } from "node:crypto";
import { sharedKeyPrefixes } from "@parley/protocol";
import type { Redis } from "../../commands/conversations/conversation-index.ts";

export type StateKeys = ReturnType<typeof createStateKeys>;

const key = `${sharedKeyPrefixes.mcp}request-state`;
/** When Redis lost it, or was away, all edges agree again after so long. */
const keptMs = 30_000;
const form = /^[\w-]{43}$/;

/**
 * The key of the states that clients give back: one for all edges, in Redis. Where that is away each edge has its own, and a state that comes to another edge
 * is refused: the client asks anew, or its user decides in Parley.
 */
export function createStateKeys(redis: Pick<Redis, "get" | "set"> | undefined) {
  let current = randomBytes(32).toString("base64url");
  let readMs = -Infinity;
  let reading: Promise<void> | undefined;

  const read = async (store: Pick<Redis, "get" | "set">): Promise<void> => {
    // A failure counts too: a Redis that does not answer must not hold up every question.
    readMs = performance.now();
    try {
      await store.set(key, current, "NX");
      const stored = await store.get(key);
      if (stored !== null && form.test(stored)) current = stored;
    } catch {
      // The one that this edge has.
    }
  };
  return async (): Promise<string> => {
    if (redis !== undefined && performance.now() - readMs > keptMs)
      await (reading ??= read(redis).finally(() => (reading = undefined)));
    return current;
  };
}

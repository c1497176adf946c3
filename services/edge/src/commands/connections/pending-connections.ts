import { hash } from "node:crypto";
import { openText, sealText } from "@parley/bus";
import { ChatError, sharedKeyPrefixes } from "@parley/protocol";
import { z } from "zod";

/** The commands of Redis that this needs. */
export interface PendingStore {
  set(key: string, value: string, unit: "PX", ms: number): Promise<unknown>;
  getdel(key: string): Promise<string | null>;
}

const Pending = z.object({
  server: z.string(),
  user: z.string(),
  tenant: z.string().optional(),
  verifier: z.string(),
  /** Of the browser in which it was begun. */
  browserHash: z.string(),
});
/** What somebody has begun, and comes back for. */
export type Pending = z.infer<typeof Pending>;

/** So long a person has at the authorization server. */
export const pendingMs = 600_000;

const { connections: prefix } = sharedKeyPrefixes;
const stateForm = /^[\w-]{20,128}$/;

/**
 * Known by its state, of which only the hash is stored, once, for whichever edge the person comes back to. Sealed: who can write to Redis could else give somebody's account to
 * another user.
 */
export function createPendingConnections(store: PendingStore, key: Buffer) {
  return {
    /** Throws AUTH_UNAVAILABLE when Redis is away. */
    async keep(state: string, pending: Pending): Promise<void> {
      const name = nameOf(state);
      const sealed = sealText(JSON.stringify(pending), key, name);
      await store.set(name, sealed, "PX", pendingMs).catch(unavailable);
    },
    /** Once. Undefined: it was taken before, is too old, or was never begun. Throws AUTH_UNAVAILABLE. */
    async take(state: string | null): Promise<Pending | undefined> {
      if (state === null || !stateForm.test(state)) return undefined;
      const name = nameOf(state);
      // GETDEL is one step in Redis: of two edges that are asked at once only one gets it.
      const sealed = await store.getdel(name).catch(unavailable);
      const text = sealed === null ? undefined : openText(sealed, key, name);
      return text === undefined ? undefined : Pending.safeParse(JSON.parse(text)).data;
    },
  };
}

function nameOf(state: string): string {
  return prefix + hash("sha256", state, "base64url");
}

function unavailable(cause: unknown): never {
  const message = "Accounts cannot be connected at the moment. Try again shortly.";
  throw new ChatError("AUTH_UNAVAILABLE", { message, cause, retryAfterMs: 1_000 });
}

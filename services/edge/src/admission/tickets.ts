import { hash, randomBytes } from "node:crypto";
import { ChatError, sharedKeyPrefixes } from "@parley/protocol";
import { z } from "zod";
import { TokenFault, type Identity } from "./identity.ts";
import { storedIdentity } from "./stored-identity.ts";

/** The commands of Redis that tickets need. */
export interface TicketStore {
  set(key: string, value: string, unit: "PX", ms: number): Promise<unknown>;
  getdel(key: string): Promise<string | null>;
}

/** Whose a ticket is. */
export interface Ticketed {
  readonly identity: Identity;
  /** The sign-in whose cookie it was made with: the socket lives as long as that. */
  readonly signIn?: string | undefined;
}

export interface Tickets {
  /** Throws AUTH_UNAVAILABLE when Redis is away. */
  make(holder: Ticketed): Promise<{ readonly ticket: string; readonly expiresAtMs: number }>;
  /** Whose it is: once, whichever edge is asked. Throws AUTH_INVALID for one that is not known, and AUTH_UNAVAILABLE. */
  redeem(ticket: string): Promise<Ticketed>;
}

/** Long enough for a slow network to open a socket, short enough that one in the log of a proxy is worth nothing. */
const lifetimeMs = 30_000;

const prefix = sharedKeyPrefixes.tickets;
const form = /^[\w-]{43}$/;
const Stored = z.object({ identity: storedIdentity, signIn: z.string().optional() });

/**
 * What is shown once instead of a token where that would be written down: in an address. Only its hash is stored, so whoever reads Redis can redeem none.
 * `store` undefined: there is no Redis here.
 */
export function createTickets(store: TicketStore | undefined): Tickets {
  const ask = async <T>(command: (store: TicketStore) => Promise<T>): Promise<T> => {
    if (store === undefined) throw unavailable(undefined);
    return command(store).catch((cause: unknown) => {
      throw unavailable(cause);
    });
  };
  return {
    async make({ identity, signIn }) {
      const ticket = randomBytes(32).toString("base64url");
      const leftMs = Math.min(lifetimeMs, Math.max(1, Math.floor(identity.expiresAtMs - Date.now())));
      await ask((redis) => redis.set(keyOf(ticket), JSON.stringify({ identity, signIn }), "PX", leftMs));
      return { ticket, expiresAtMs: Date.now() + leftMs };
    },
    async redeem(ticket) {
      // GETDEL is one step in Redis: of two edges that are asked at once only one gets it.
      const stored = form.test(ticket) ? await ask((redis) => redis.getdel(keyOf(ticket))) : null;
      if (stored === null)
        throw new ChatError("AUTH_INVALID", { message: notKnown, cause: new TokenFault("the ticket is not known") });
      return Stored.parse(JSON.parse(stored));
    },
  };
}

const notKnown = "The ticket was used before, or is too old. Get another one.";

function keyOf(ticket: string): string {
  return prefix + hash("sha256", ticket, "base64url");
}

function unavailable(cause: unknown): ChatError {
  return new ChatError("AUTH_UNAVAILABLE", {
    message: "Tickets cannot be made or checked at the moment. Show the token itself, or try again shortly.",
    cause: new TokenFault(cause instanceof Error ? `Redis: ${cause.message}` : "there is no Redis"),
    retryAfterMs: 1_000,
  });
}

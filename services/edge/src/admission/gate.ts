import type { Caller } from "@parley/protocol";
import type { Identity } from "./identity.ts";

/** What counts against an address, or the user behind it. "invalid frame": so many on one socket that it was closed. */
export type Offence =
  | "bad token"
  | "invalid frame"
  | "rate limit"
  | "limit of an address"
  | "too many sockets"
  | "no token in time";

/** Whose something is that is to be shut. */
export interface Shut {
  /** Why, for the log and the close code. */
  readonly reason: "revoked" | "blocked" | "key removed" | "key changed";
  matches(connection: { readonly caller: Caller | undefined; readonly address: string }): boolean;
}

/** Who is kept out: what was revoked, and who is blocked. Every edge knows it from its own memory: asking costs nothing. */
export interface Gate {
  /** Until when, ms since 1970, nobody may come from the address or as the user; undefined: they may. */
  blockedUntil(address: string, userId?: string): number | undefined;
  /** Whether the credential was revoked: it, its session, or all of its user's that are as old. */
  isRevoked(identity: Identity): boolean;
  /** The same, of somebody who was let in. */
  isCallerRevoked(caller: Caller): boolean;
  /** After this process stood still: resolves when it knows what was revoked meanwhile, or has waited long enough for that. Undefined: it has not. */
  caughtUp(): Promise<void> | undefined;
  /** Somebody did what well-behaved clients do not do. */
  note(offence: Offence, from: { readonly address: string; readonly userId?: string | undefined }): void;
  /** Called with each revocation and block as it comes to be known here: whoever it matches is to be closed. Returns how to stop. */
  onShut(listener: (shut: Shut) => void): () => void;
  /** What a person should know, as sentences. */
  notes(): string[];
}

/** Keeps nobody out. */
export const openGate: Gate = {
  blockedUntil: () => undefined,
  isRevoked: () => false,
  isCallerRevoked: () => false,
  caughtUp: () => undefined,
  note: () => {},
  onShut: () => () => {},
  notes: () => [],
};

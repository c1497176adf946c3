import { ChatError, type Caller } from "@parley/protocol";
import type { Gate } from "./gate.ts";
import type { Identity } from "./identity.ts";
import type { Tokens } from "./tokens.ts";

/** Who may ask: anybody; whoever shows a token; in development also who shows none. */
export type Access = "anybody" | "user" | "user or developer";

/** From where a request or a socket comes, as limits count it. */
export interface Origin {
  readonly address: string;
}

export interface Admission {
  /** Whose token it is. Throws AUTH_INVALID, AUTH_EXPIRED or AUTH_UNAVAILABLE. */
  byToken(token: string, origin: Origin): Promise<{ readonly caller: Caller; readonly identity: Identity }>;
  /** Throws AUTH_INVALID when the credential was revoked since it was checked. */
  recheck(caller: Caller): void;
  /** Whose request it is, by its header `authorization`. Throws also AUTH_REQUIRED. */
  byHeader(authorization: string, access: Access, origin: Origin): Promise<Caller>;
}

export interface AdmissionDeps {
  readonly tokens: Pick<Tokens, "verify">;
  readonly gate: Pick<Gate, "isRevoked" | "isCallerRevoked" | "blockedUntil">;
  readonly isDevelopment: boolean;
}

/** Clients of seed A have no tokens. In development they are all this one user, so their conversations go on from request to request. */
const developer = (address: string): Caller => ({ user: { id: "dev-anonymous" }, roles: [], address });

/** The one place where a caller is made of a credential. */
export function createAdmission({ tokens, gate, isDevelopment }: AdmissionDeps): Admission {
  const byToken: Admission["byToken"] = async (token, { address }) => {
    const identity = await tokens.verify(token);
    if (gate.isRevoked(identity)) throw revoked();
    // Addresses are blocked before a token is asked for.
    const blockedUntilMs = gate.blockedUntil("", identity.user.id);
    if (blockedUntilMs !== undefined) throw blocked(blockedUntilMs);
    return { identity, caller: callerOf(identity, address) };
  };
  return {
    byToken,
    recheck(caller) {
      if (gate.isCallerRevoked(caller)) throw revoked();
    },
    async byHeader(authorization, access, origin) {
      if (access === "anybody") return developer(origin.address);
      if (authorization === "") {
        if (access === "user or developer" && isDevelopment) return developer(origin.address);
        throw new ChatError("AUTH_REQUIRED");
      }
      const [scheme = "", token = ""] = authorization.trim().split(/\s+/, 2);
      if (scheme.toLowerCase() !== "bearer" || token === "") throw new ChatError("AUTH_INVALID");
      return (await byToken(token, origin)).caller;
    },
  };
}

function revoked(): ChatError {
  return new ChatError("AUTH_INVALID", { message: "The token was revoked." });
}

function blocked(untilMs: number): ChatError {
  return new ChatError("BLOCKED", { retryAfterMs: Math.max(1_000, untilMs - Date.now()) });
}

function callerOf(identity: Identity, address: string): Caller {
  const { user, tenant, roles, session, expiresAtMs } = identity;
  return {
    user,
    ...(tenant === undefined ? {} : { tenant }),
    roles: [...roles],
    address,
    ...(session === undefined ? {} : { session }),
    expires: expiresAtMs,
    credential: { id: identity.tokenId, hash: identity.tokenHash, issuedMs: identity.issuedAtMs },
  };
}

import { ChatError, type Caller } from "@parley/protocol";
import { bearerIn, credentialAtUpgrade, type Credential } from "../credential.ts";
import { isApiKey } from "./api-key.ts";
import type { ApiKeys } from "./api-keys.ts";
import type { Gate } from "./gate.ts";
import { TokenFault, type Identity } from "./identity.ts";
import type { SessionCookie } from "./session-cookie.ts";
import type { Sessions } from "./sessions.ts";
import type { Ticketed, Tickets } from "./tickets.ts";
import type { Tokens } from "./tokens.ts";

/** Who may ask: anybody; whoever shows a token; in development also who shows none. */
export type Access = "anybody" | "user" | "user or developer";

/** From where a request or a socket comes, as limits count it. */
export interface Origin {
  readonly address: string;
}

export interface Admitted {
  readonly caller: Caller;
  readonly identity: Identity;
  /** The sign-in whose cookie was shown. */
  readonly signIn: string | undefined;
}

type HeaderName = "authorization" | "cookie" | "origin" | "sec-fetch-site";

export interface AskedFor {
  readonly method: string;
  header(name: HeaderName): string;
}

interface AskedForSocket extends Pick<AskedFor, "header"> {
  readonly protocols: readonly string[];
  readonly token: string | undefined;
  readonly ticket: string | undefined;
}

export interface Admission {
  /** What a socket is opened with; undefined: its first frame has to say it. Looks nothing up. */
  atUpgrade(request: AskedForSocket): Credential | undefined;
  /** Whose it is. Throws AUTH_INVALID, AUTH_EXPIRED or AUTH_UNAVAILABLE. */
  byCredential(credential: Credential, origin: Origin): Promise<Admitted>;
  /**
   * After this process stood still, for what somebody asks who was let in before: resolves when it is known what was revoked meanwhile; rejects with
   * AUTH_INVALID if that was the caller. Undefined: nothing is to be waited for.
   */
  afterStandstill(caller: Caller): Promise<void> | undefined;
  /** Throws AUTH_INVALID, BLOCKED or AUTH_EXPIRED when the caller may not be here any more: the body of a request may take long to come. */
  recheck(caller: Caller): void;
  /** Whose request it is, by its headers. Throws also AUTH_REQUIRED, and FORBIDDEN for a cookie that another page makes its browser send. */
  byRequest(request: AskedFor, access: Access, origin: Origin): Promise<Caller>;
  /** The same, with all that is known; undefined where access is given to whoever shows nothing. */
  identify(request: AskedFor, origin: Origin): Promise<Admitted | undefined>;
}

/** Signing in at the page. */
export interface SignIn {
  readonly cookie: SessionCookie;
  readonly sessions: Sessions;
}

export interface AdmissionDeps {
  readonly tokens: Pick<Tokens, "verify">;
  readonly apiKeys: Pick<ApiKeys, "identify" | "isCurrent">;
  readonly tickets: Pick<Tickets, "redeem">;
  /** Undefined: nobody can sign in here. */
  readonly signIn: SignIn | undefined;
  readonly gate: Pick<Gate, "isRevoked" | "isCallerRevoked" | "caughtUp" | "blockedUntil" | "note">;
  readonly isDevelopment: boolean;
}

/** Clients of seed A have no tokens. In development they are all this one user, so their conversations go on from request to request. */
export const developer = (address: string): Caller => ({ user: { id: "dev-anonymous" }, roles: [], address });

/** The one place where a caller is made of a credential. */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { gate, isDevelopment, signIn } = deps;

  const byCredential = createByCredential(deps);

  const identify: Admission["identify"] = async (request, origin) => {
    const authorization = request.header("authorization");
    const token = bearerIn(authorization);
    if (token !== undefined) return byCredential({ kind: "token", token }, origin);
    const id = signIn?.cookie.read(request.header("cookie"));
    if (signIn === undefined || id === undefined) {
      // Beside a cookie it may be the password that a proxy in front asks for.
      if (authorization !== "") throw new ChatError("AUTH_INVALID");
      return undefined;
    }
    if (!isReading(request) && !isOwnPage(signIn, request)) throw new ChatError("FORBIDDEN", { message: foreignPage });
    return byCredential({ kind: "session", id }, origin);
  };

  return {
    byCredential,
    identify,
    afterStandstill: (caller) =>
      gate.caughtUp()?.then(() => {
        if (gate.isCallerRevoked(caller)) throw revoked();
      }),
    recheck(caller) {
      if (gate.isCallerRevoked(caller)) throw revoked();
      checkBlocked(gate, caller.user);
      if (caller.expires !== undefined && caller.expires <= Date.now()) throw new ChatError("AUTH_EXPIRED");
    },
    atUpgrade: ({ header, protocols, token, ticket }) =>
      credentialAtUpgrade({
        authorization: header("authorization"),
        protocols,
        token,
        ticket,
        // Browsers send the cookie with the sockets of every page that may; only ours may use it.
        session:
          signIn !== undefined && isOwnPage(signIn, { header }) ? signIn.cookie.read(header("cookie")) : undefined,
      }),
    async byRequest(request, access, origin) {
      const { address } = origin;
      if (access === "anybody") return developer(address);
      const admitted = await identify(request, origin);
      if (admitted !== undefined) return admitted.caller;
      if (access === "user or developer" && isDevelopment) return developer(address);
      throw new ChatError("AUTH_REQUIRED");
    },
  };
}

function createByCredential(deps: AdmissionDeps): Admission["byCredential"] {
  const { gate } = deps;
  return async (credential, { address }) => {
    const { identity, signIn: id } = await holderOf(deps, credential, address).catch((error: unknown) => {
      if (isOffence(error, credential)) gate.note("bad token", { address });
      throw error;
    });
    const behind = gate.caughtUp();
    if (behind !== undefined) await behind;
    if (gate.isRevoked(identity)) throw revoked();
    checkBlocked(gate, identity.user);
    return { identity, caller: callerOf(identity, address), signIn: id };
  };
}

const foreignPage = "This is only for pages of this site itself: a sign-in cannot be used from elsewhere.";
const contradiction = "The request carries several tokens that are not the same. Send one of them.";

/** Requests that change nothing; no page of another site gets to see their answers. */
function isReading({ method }: AskedFor): boolean {
  return method === "GET" || method === "HEAD";
}

function isOwnPage({ cookie }: SignIn, { header }: Pick<AskedFor, "header">): boolean {
  return cookie.isOwnPage({ origin: header("origin"), fetchSite: header("sec-fetch-site") });
}

/**
 * An old cookie comes by itself, a client that reconnects to the same address shows its ticket again, and a token that has run out was good once: with some
 * of each everybody behind one address would be kept out.
 */
function isOffence(error: unknown, { kind }: Credential): boolean {
  return error instanceof ChatError && error.code === "AUTH_INVALID" && kind !== "session" && kind !== "ticket";
}

async function holderOf(
  { tokens, apiKeys, tickets, signIn }: AdmissionDeps,
  credential: Credential,
  address: string,
): Promise<Ticketed> {
  switch (credential.kind) {
    case "token": {
      const { token } = credential;
      return { identity: isApiKey(token) ? apiKeys.identify(token, address) : await tokens.verify(token) };
    }
    case "ticket": {
      const holder = await tickets.redeem(credential.ticket);
      if (holder.identity.expiresAtMs <= Date.now()) throw new ChatError("AUTH_EXPIRED");
      if (apiKeys.isCurrent(holder.identity)) return holder;
      throw new ChatError("AUTH_INVALID", { cause: new TokenFault("the ticket's API key is not there any more") });
    }
    case "session": {
      const found = await signIn?.sessions.byCookie(credential.id);
      if (found === undefined)
        throw new ChatError("AUTH_EXPIRED", { message: "The sign-in has ended. Sign in again." });
      return { identity: found.identity, signIn: found.id };
    }
    case "contradiction":
      throw new ChatError("AUTH_INVALID", { message: contradiction, cause: new TokenFault("several tokens came") });
  }
}

function revoked(): ChatError {
  return new ChatError("AUTH_INVALID", { message: "The token was revoked." });
}

/** Addresses are blocked before a token is asked for. */
function checkBlocked(gate: Pick<Gate, "blockedUntil">, { id }: Caller["user"]): void {
  const untilMs = gate.blockedUntil("", id);
  if (untilMs === undefined) return;
  throw new ChatError("BLOCKED", { retryAfterMs: Math.max(1_000, untilMs - Date.now()) });
}

function callerOf(identity: Identity, address: string): Caller {
  const { user, tenant, roles, scopes, session, expiresAtMs } = identity;
  return {
    user,
    ...(tenant === undefined ? {} : { tenant }),
    roles: [...roles],
    ...(scopes === undefined ? {} : { scopes: [...scopes] }),
    address,
    ...(session === undefined ? {} : { session }),
    expires: expiresAtMs,
    credential: { id: identity.tokenId, hash: identity.tokenHash, issuedMs: identity.issuedAtMs },
  };
}

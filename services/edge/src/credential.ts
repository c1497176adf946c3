/** What somebody shows to be let in. */
export type Credential =
  /** An access token or an API key. */
  | { readonly kind: "token"; readonly token: string }
  /** What a caller got in exchange for one: for a single connection. */
  | { readonly kind: "ticket"; readonly ticket: string }
  /** The cookie of a sign-in. */
  | { readonly kind: "session"; readonly id: string }
  /** Several that are not the same: which of them is meant nobody can say. */
  | { readonly kind: "contradiction" };

/** What a request for a socket carries; empty or undefined: nothing. */
export interface Carried {
  /** The header. Only a bearer token counts: a proxy in front may ask browsers for a password of its own. */
  readonly authorization: string;
  /** The subprotocols that were offered. */
  readonly protocols: readonly string[];
  /** `?token=` and `?ticket=`. */
  readonly token: string | undefined;
  readonly ticket: string | undefined;
  /** The cookie of a sign-in, where it may count. */
  readonly session: string | undefined;
}

/**
 * A browser cannot set headers on a WebSocket, but it can offer subprotocols: one that begins like this carries a token and is never selected. A client that wants
 * none of the protocols offers the bare word beside it, because browsers give up when none is selected of those that they offered.
 */
export const bearerProtocol = "bearer";
const bearerPrefix = `${bearerProtocol}.`;

/** What a socket was opened with. A cookie comes by itself, so whatever was said on purpose counts before it. */
export function credentialAtUpgrade({ authorization, protocols, token, ticket, session }: Carried) {
  const offered = protocols.filter((one) => one.startsWith(bearerPrefix)).map((one) => one.slice(bearerPrefix.length));
  const tokens = new Set([bearerIn(authorization), ...offered, token].filter((one) => one !== undefined && one !== ""));
  const shown: Credential[] = [...tokens].flatMap((one) => (one === undefined ? [] : { kind: "token", token: one }));
  if (ticket !== undefined && ticket !== "") shown.push({ kind: "ticket", ticket });
  const [first] = shown;
  const contradiction: Credential = { kind: "contradiction" };
  if (shown.length > 1) return contradiction;
  const bySession: Credential | undefined = session === undefined ? undefined : { kind: "session", id: session };
  return first ?? bySession;
}

/** The token in an `Authorization` header; undefined when there is none. */
export function bearerIn(authorization: string): string | undefined {
  const [scheme = "", token = ""] = authorization.trim().split(/\s+/, 2);
  return scheme.toLowerCase() === "bearer" && token !== "" ? token : undefined;
}

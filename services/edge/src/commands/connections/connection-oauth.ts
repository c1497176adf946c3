import type { Tokens } from "@parley/bus";
import { refreshAtOf } from "@parley/bus";
import { ChatError } from "@parley/protocol";
import * as client from "openid-client";
import type { AccountServer } from "./connection-file.ts";

/** Where an authorization server sends people back to, below the public address. */
export const connectionCallbackPath = "/auth/connections/callback";

/** Of one request to it; a person waits. */
const requestSeconds = 5;

export interface BegunConnection {
  readonly url: string;
  readonly state: string;
  readonly verifier: string;
}

/** Where to send a person: authorization code with PKCE (RFC 7636) and state, for the server that is named (RFC 8707). */
export async function beginConnection(server: AccountServer, origin: string): Promise<BegunConnection> {
  const [state, verifier] = [client.randomState(), client.randomPKCECodeVerifier()];
  const { scope, resource } = server;
  const url = client.buildAuthorizationUrl(configurationOf(server), {
    redirect_uri: origin + connectionCallbackPath,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...(scope === undefined ? {} : { scope }),
    ...(resource === undefined ? {} : { resource }),
  });
  return { url: url.href, state, verifier };
}

export interface CameBack {
  readonly query: URLSearchParams;
  readonly origin: string;
  readonly state: string;
  readonly verifier: string;
}

/** The tokens for the code that came back. Throws AUTH_INVALID, or AUTH_UNAVAILABLE. Only words of ours are in what is thrown: causes of the library's errors hold codes and tokens. */
export async function finishConnection(
  server: AccountServer,
  { query, origin, state, verifier }: CameBack,
): Promise<Omit<Tokens, "connection">> {
  const url = new URL(origin + connectionCallbackPath);
  url.search = query.toString();
  const { resource } = server;
  try {
    const found = await client.authorizationCodeGrant(
      configurationOf(server, query.get("iss") ?? undefined),
      url,
      { expectedState: state, pkceCodeVerifier: verifier },
      resource === undefined ? {} : { resource },
    );
    if (found.token_type.toLowerCase() !== "bearer") throw new TypeError("It is no bearer token.");
    const lifeS = found.expiresIn();
    return {
      access: found.access_token,
      ...(found.refresh_token === undefined ? {} : { refresh: found.refresh_token }),
      ...(lifeS === undefined ? {} : { expiresAt: refreshAtOf(lifeS * 1_000) }),
    };
  } catch (error) {
    throw refusalOf(error, server.name);
  }
}

/** Tells the authorization server that the tokens are not wanted any more (RFC 7009), where it can be told. Throws when it does not answer. */
export async function revokeConnection(server: AccountServer, { refresh, access }: Tokens): Promise<void> {
  if (server.revokeUrl === undefined) return;
  const hint = refresh === undefined ? "access_token" : "refresh_token";
  await client.tokenRevocation(configurationOf(server), refresh ?? access, { token_type_hint: hint });
}

/**
 * Several authorization servers share one redirect address, so who answers has to be the one that was asked (RFC 9700, 4.4): by the issuer of the file; without one, what says
 * another issuer than its authorize_url has as its origin is not believed.
 */
function configurationOf(server: AccountServer, said?: string): client.Configuration {
  const { authorizeUrl, tokenUrl, revokeUrl, issuer, clientId, clientSecret } = server;
  const { origin } = new URL(authorizeUrl);
  const isOwn = said !== undefined && URL.canParse(said) && new URL(said).origin === origin;
  const metadata: client.ServerMetadata = {
    issuer: issuer ?? (isOwn ? said : origin),
    authorization_endpoint: authorizeUrl,
    token_endpoint: tokenUrl,
    ...(revokeUrl === undefined ? {} : { revocation_endpoint: revokeUrl }),
  };
  const auth = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret);
  const config = new client.Configuration(metadata, clientId, {}, auth);
  config.timeout = requestSeconds;
  const isPlain = [authorizeUrl, tokenUrl, revokeUrl].some((url) => url?.startsWith("http:"));
  // The file allows http where the server is within the operator's own network only. The library marks it as deprecated so that it is not overlooked.
  // oxlint-disable-next-line typescript/no-deprecated
  if (isPlain) client.allowInsecureRequests(config);
  return config;
}

function refusalOf(error: unknown, server: string): ChatError {
  const cause = new Error(reasonOf(error));
  if (isAway(error)) {
    const message = `The sign-in of ${server} cannot be reached at the moment. Begin again shortly.`;
    return new ChatError("AUTH_UNAVAILABLE", { message, cause, retryAfterMs: 5_000 });
  }
  const isStopped = error instanceof client.AuthorizationResponseError;
  const message = isStopped
    ? `Nothing was connected: it was not allowed at ${server}.`
    : `Nothing was connected: ${server} did not accept it. Begin again.`;
  return new ChatError("AUTH_INVALID", { message, cause });
}

function reasonOf(error: unknown): string {
  if (error instanceof client.AuthorizationResponseError)
    return `the authorization server answers ${word(error.error)}`;
  if (error instanceof client.ResponseBodyError)
    return `the authorization server refuses the code: ${word(error.error)}`;
  if (error instanceof client.ClientError) return `${error.message} (${error.code ?? "no code"})`;
  return "it cannot be checked";
}

/** An error's name as the protocol writes it; whatever else comes from outside does not go into a log. */
function word(text: string): string {
  return /^[a-z_]{1,64}$/.test(text) ? text : "something else";
}

/** Timeouts, refused connections, and a server in trouble. */
function isAway(error: unknown): boolean {
  if (error instanceof client.ResponseBodyError) return error.status >= 500;
  if (!(error instanceof client.ClientError)) return error instanceof TypeError && error.message === "fetch failed";
  const { cause } = error;
  return (
    error.code === "OAUTH_TIMEOUT" || cause instanceof TypeError || (cause instanceof Response && cause.status >= 500)
  );
}

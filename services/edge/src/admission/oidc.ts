import { ChatError } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { decodeProtectedHeader } from "jose";
import * as client from "openid-client";
import { identityOf, TokenFault, type Identity, type Naming } from "./identity.ts";
import { clockToleranceSeconds } from "./token-verifier.ts";

export interface OidcSettings {
  /** `iss` of the provider, letter by letter; its documents are found from there. */
  readonly issuer: string;
  readonly clientId: string;
  /** Undefined: a public client, of whom only the code's verifier is asked. */
  readonly clientSecret?: string | undefined;
  /** Where it sends people back to. */
  readonly redirectUrl: string;
  /** How its ID tokens may be signed. */
  readonly algorithms: readonly string[];
  /** Which name, tenant and roles its claims give. */
  readonly naming: Naming;
}

/** What a browser keeps while its person is at the provider: whoever comes back without it has not begun here. */
export interface PendingSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface Oidc {
  /** Where to send a person. Throws AUTH_UNAVAILABLE. */
  begin(): Promise<{ readonly location: string; readonly pending: PendingSignIn }>;
  /** Who came back. `query`: what the provider gave them along. Throws AUTH_INVALID or AUTH_UNAVAILABLE. */
  finish(query: URLSearchParams, pending: PendingSignIn): Promise<Identity>;
}

interface OidcDeps {
  readonly log: Logger;
  readonly times?: OidcTimes;
}

export interface OidcTimes {
  /** How long what the provider says of itself is used without asking again. */
  readonly metadataMs: number;
  /** Of one request to it; a person waits. */
  readonly requestSeconds: number;
}

const defaultTimes: OidcTimes = { metadataMs: 600_000, requestSeconds: 5 };

/**
 * Signing in at an OpenID provider: authorisation code with PKCE, state and nonce, and the ID token's signature checked although it comes over TLS. The provider is asked
 * when somebody signs in and not before: an edge starts without it. Its keys are had anew each time, so a rotation needs no second try.
 */
export function createOidc(settings: OidcSettings, { log, times = defaultTimes }: OidcDeps): Oidc {
  const configuration = createConfigurations(settings, times);
  return {
    async begin() {
      const verifier = client.randomPKCECodeVerifier();
      const pending = { state: client.randomState(), nonce: client.randomNonce(), verifier };
      const url = client.buildAuthorizationUrl(await configuration(), {
        redirect_uri: settings.redirectUrl,
        scope: "openid profile email",
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      return { location: url.href, pending };
    },

    async finish(query, { state, nonce, verifier }) {
      const url = new URL(settings.redirectUrl);
      url.search = query.toString();
      const config = await configuration();
      try {
        const tokens = await client.authorizationCodeGrant(config, url, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        return identityIn(tokens, settings);
      } catch (error) {
        const refusal = refusalOf(error);
        log.info({ code: refusal.code, reason: reasonOf(refusal.cause ?? error) }, "a sign-in was refused");
        throw refusal;
      }
    },
  };
}

/** What is known of the provider, for one sign-in at a time. */
function createConfigurations(settings: OidcSettings, times: OidcTimes): () => Promise<client.Configuration> {
  const { issuer, clientId } = settings;
  const timeout = times.requestSeconds;
  let known: { readonly metadata: client.ServerMetadata; readonly askedMs: number } | undefined;
  let asking: Promise<client.ServerMetadata> | undefined;

  const ask = async (): Promise<client.ServerMetadata> => {
    const options = { timeout, execute: executeOf(settings) };
    const about = metadataOf(settings);
    const config = await client.discovery(new URL(issuer), clientId, about, authOf(settings), options);
    const metadata = config.serverMetadata();
    if (metadata.issuer !== issuer) throw new Error("it names itself otherwise");
    known = { metadata, askedMs: performance.now() };
    return metadata;
  };

  return async () => {
    const isFresh = known !== undefined && performance.now() - known.askedMs < times.metadataMs;
    if (!isFresh) asking ??= ask().finally(() => (asking = undefined));
    // What it said some time ago is better than nothing: whether it is there is seen when it is asked for the token.
    const metadata = await asking?.catch((error: unknown) => {
      if (known === undefined) throw refusalOf(error, "AUTH_UNAVAILABLE");
    });
    const found = metadata ?? known?.metadata;
    if (found === undefined) throw new ChatError("AUTH_UNAVAILABLE", { message: away });
    const config = new client.Configuration(found, clientId, metadataOf(settings), authOf(settings));
    config.timeout = timeout;
    for (const change of executeOf(settings)) change(config);
    return config;
  };
}

type Tokens = Awaited<ReturnType<typeof client.authorizationCodeGrant>>;

function identityIn(tokens: Tokens, { algorithms, naming }: OidcSettings): Identity {
  const claims = tokens.claims();
  if (claims === undefined || tokens.id_token === undefined) throw new TokenFault("there is no ID token");
  const { alg } = decodeProtectedHeader(tokens.id_token);
  const isAllowed = algorithms.some((one) => one === alg || (one === "EdDSA" && alg === "Ed25519"));
  if (!isAllowed) throw new TokenFault("its ID token is signed with another algorithm than the configuration names");
  return identityOf({ ...claims }, naming);
}

function metadataOf({ clientSecret }: OidcSettings): Partial<client.ClientMetadata> {
  const secret = clientSecret === undefined ? {} : { client_secret: clientSecret };
  return { ...secret, [client.clockTolerance]: clockToleranceSeconds };
}

function authOf({ clientSecret }: OidcSettings): client.ClientAuth {
  return clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret);
}

function executeOf({ issuer }: OidcSettings): ((config: client.Configuration) => void)[] {
  // Settings allow http for a provider on this machine only. The library marks it as deprecated so that it is not overlooked.
  // oxlint-disable-next-line typescript/no-deprecated
  const insecure = issuer.startsWith("http:") ? [client.allowInsecureRequests] : [];
  return [client.enableNonRepudiationChecks, ...insecure];
}

const away = "The sign-in service cannot be reached at the moment. Try again shortly.";
const notCompleted = "The sign-in was not completed.";
const notThisOne =
  "This sign-in cannot be completed: it was used before, took too long, or did not begin in this browser.";

/** In words only: the causes of the library's errors hold the codes and tokens that they are about. */
function refusalOf(error: unknown, code = isAway(error) ? ("AUTH_UNAVAILABLE" as const) : ("AUTH_INVALID" as const)) {
  if (error instanceof ChatError) return error;
  const cause = new TokenFault(reasonOf(error));
  if (code === "AUTH_UNAVAILABLE") return new ChatError(code, { message: away, cause, retryAfterMs: 5_000 });
  const message = error instanceof client.AuthorizationResponseError ? notCompleted : notThisOne;
  return new ChatError(code, { message, cause });
}

function reasonOf(error: unknown): string {
  if (error instanceof client.AuthorizationResponseError) return `the provider answers ${word(error.error)}`;
  if (error instanceof client.ResponseBodyError) return `the provider refuses the code: ${word(error.error)}`;
  if (error instanceof client.ClientError) return `${error.message} (${error.code ?? "no code"})`;
  return error instanceof TokenFault ? error.message : "it cannot be checked";
}

/** An error's name as the protocol writes it; whatever else comes from outside does not go into a log. */
function word(text: string): string {
  return /^[a-z_]{1,64}$/.test(text) ? text : "something else";
}

/** Timeouts, refused connections, and a provider in trouble. */
function isAway(error: unknown): boolean {
  if (error instanceof client.ResponseBodyError) return error.status >= 500;
  if (!(error instanceof client.ClientError)) return error instanceof TypeError;
  return error.code === "OAUTH_TIMEOUT" || statusOf(error.cause) >= 500 || error.cause instanceof TypeError;
}

function statusOf(cause: unknown): number {
  return cause instanceof Response ? cause.status : 0;
}

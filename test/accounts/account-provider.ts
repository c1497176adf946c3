import { once } from "node:events";
import { createServer } from "node:http";
import { freePort } from "@parley/testkit";
import { Provider } from "oidc-provider";
import { fillInUntil, signingKeys } from "../../services/edge/test/support/real-provider.ts";

export const accountClient = { id: "parley-tickets", secret: "canary-of-the-client-at-tickets" };

interface ProviderSettings {
  /** Where the edges are reached. */
  readonly origins: readonly string[];
  /** For what the tokens are: no others are given. */
  readonly resource: string;
  /** Of access tokens, s. */
  readonly lifeS?: number;
}

/**
 * An authorization server (certified implementation) that gives tokens for one resource, rotates refresh tokens, and ends all that somebody has allowed when one of them is used twice.
 */
export async function startAccountProvider({ origins, resource, lifeS = 3_600 }: ProviderSettings) {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const redirectUris = origins.map((origin) => `${origin}/auth/connections/callback`);
  const client = { client_id: accountClient.id, client_secret: accountClient.secret, redirect_uris: redirectUris };
  const provider = new Provider(issuer, {
    clients: [{ ...client, grant_types: ["authorization_code", "refresh_token"] }],
    jwks: await signingKeys("accounts"),
    cookies: { keys: ["a key that signs the cookies of the account provider"] },
    scopes: ["tickets"],
    pkce: { required: () => true },
    rotateRefreshToken: () => true,
    issueRefreshToken: () => Promise.resolve(true),
    ttl: { AccessToken: lifeS, RefreshToken: 86_400, Grant: 86_400, Session: 86_400, Interaction: 3_600 },
    features: {
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, indicator: string) => {
          if (indicator !== resource) throw new Error("no such resource");
          return { scope: "tickets", audience: resource, accessTokenFormat: "opaque", accessTokenTTL: lifeS };
        },
      },
    },
    findAccount: (_context: unknown, accountId: string) => ({ accountId, claims: async () => ({ sub: accountId }) }),
  });
  const seen = { refreshed: 0, refused: 0, revoked: 0 };
  provider.on("refresh_token.consumed", () => void seen.refreshed++);
  provider.on("grant.error", () => void seen.refused++);
  provider.on("grant.revoked", () => void seen.revoked++);
  const held = { before: (_path: string): Promise<void> | undefined => undefined };
  const trouble = { isOn: false };
  const answer = provider.callback();
  const server = createServer((request, response) => {
    if (trouble.isOn) return void response.writeHead(503).end();
    const waiting = held.before(request.url ?? "");
    if (waiting === undefined) answer(request, response);
    else void waiting.then(() => answer(request, response));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    issuer,
    seen,
    /** Whether it answers nothing but that it is in trouble. */
    trouble,
    /** What each request waits for. */
    held,
    fillIn: fillInUntil("/auth/connections/callback"),
    find: (token: string) => provider.AccessToken.find(token),
    /** Ends all that was allowed with this token, as its person can at the account's own pages. */
    async end(token: string): Promise<void> {
      const found = await provider.AccessToken.find(token);
      if (found === undefined) throw new Error("there is no such token");
      await (await provider.Grant.find(found.grantId))?.destroy();
      await found.destroy();
    },
    oauth: {
      per: "user",
      authorize_url: `${issuer}/auth`,
      token_url: `${issuer}/token`,
      revoke_url: `${issuer}/token/revocation`,
      client_id: accountClient.id,
      client_secret: "TICKETS_SECRET",
      scope: "tickets",
      resource,
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

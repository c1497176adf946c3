import type { AuthProvider } from "@modelcontextprotocol/client";
import { connectionName, refreshAtOf, type Tokens } from "@parley/bus";
import { z } from "zod";
import { createGuardedFetch } from "./guarded-fetch.ts";
import type { McpServerConfig, OAuthConfig, PersonalConfig } from "./mcp-file.ts";
import { GrantEndedError, type Grant, type TokenStore } from "./token-store.ts";

const Answer = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().optional(),
  expires_in: z.number().positive().optional(),
});

const Refusal = z.object({ error: z.string() });

const ANSWER_BYTES = 64 * 1024;
const ANSWER_MS = 10_000;

/** Who we are to a server whose tokens end: they are got at its token endpoint (RFC 6749, 4.4 and 6) and shared by all workers. */
export function createOAuth(
  server: McpServerConfig & { readonly oauth: OAuthConfig },
  store: TokenStore,
): AuthProvider {
  const guarded = fetchOf(server);
  const grant: Grant = {
    of: `mcp:${server.name}`,
    async refresh(token, signal) {
      const ask = (one: string | undefined) =>
        guarded.fetch(server.oauth.tokenUrl, { ...requestOf(server.oauth, one ?? server.oauth.refreshToken), signal });
      let response = await ask(token);
      // What was kept is no good any more: the environment may have a newer one.
      if (response.status === 400 && token !== undefined && server.oauth.refreshToken !== undefined)
        response = await ask(undefined);
      if (!response.ok)
        throw new Error(`The token endpoint of ${server.name} answered with the HTTP status ${response.status}.`);
      return tokensOf(Answer.parse(await response.json()));
    },
  };
  let given: string | undefined;
  return {
    async token() {
      given = await store.token(grant);
      return given;
    },
    async onUnauthorized() {
      given = await store.token(grant, given);
    },
  };
}

/** Whose call it is, as far as an account elsewhere goes by it. */
export interface AccountOwner {
  readonly user: string;
  readonly tenant: string | undefined;
}

export type PersonalServer = McpServerConfig & { readonly url: string; readonly personal: PersonalConfig };

/** The grants of people who have connected their own accounts at a server. An edge has got the first tokens of each; here they are refreshed. */
export function createPersonalGrants(server: PersonalServer) {
  const { personal, url, name } = server;
  const guarded = fetchOf(server);
  const refresh = async (token: string | undefined, signal: AbortSignal): Promise<Tokens> => {
    const { tokenUrl, clientId, clientSecret, resource } = personal;
    // Without a scope: the one that the person has allowed counts, which may be less than was asked for.
    const request = requestOf({ clientId, clientSecret }, token, resource === undefined ? {} : { resource });
    const response = await guarded.fetch(tokenUrl, { ...request, signal });
    if (response.ok) return tokensOf(Answer.parse(await response.json()));
    const said = Refusal.safeParse(await response.json().catch(() => undefined)).data?.error;
    // Anything else is trouble of the endpoint's, or of our own registration there: what the person has allowed still counts.
    if (said === "invalid_grant") throw new GrantEndedError(`The token endpoint of ${name} takes it no more.`);
    throw new Error(`The token endpoint of ${name} answered with the HTTP status ${response.status}.`);
  };
  return {
    grantOf: ({ user, tenant }: AccountOwner): Grant => {
      const { tokenUrl, clientId } = personal;
      return { of: connectionName({ server: name, url, tokenUrl, clientId, user, tenant }), refresh };
    },
    close: guarded.close,
  };
}

function fetchOf(server: McpServerConfig) {
  return createGuardedFetch({
    privateAddresses: server.private_addresses === true,
    caFile: server.ca_file,
    answerMs: ANSWER_MS,
    messageBytes: ANSWER_BYTES,
    messagesPerSecond: 100,
  });
}

function requestOf(
  { clientId, clientSecret, scope }: { clientId: string; clientSecret?: string | undefined; scope?: string },
  refresh: string | undefined,
  more: Readonly<Record<string, string>> = {},
) {
  const form = new URLSearchParams({
    ...(refresh === undefined
      ? { grant_type: "client_credentials" }
      : { grant_type: "refresh_token", refresh_token: refresh }),
    ...(scope === undefined ? {} : { scope }),
    ...(clientSecret === undefined ? { client_id: clientId } : {}),
    ...more,
  });
  const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret ?? "")}`).toString(
    "base64",
  );
  const headers = {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
    ...(clientSecret === undefined ? {} : { authorization: `Basic ${basic}` }),
  };
  return { method: "POST", headers, body: form.toString(), redirect: "error" as const };
}

function tokensOf({ access_token, refresh_token, expires_in }: z.infer<typeof Answer>): Tokens {
  return {
    access: access_token,
    ...(refresh_token === undefined ? {} : { refresh: refresh_token }),
    ...(expires_in === undefined ? {} : { expiresAt: refreshAtOf(expires_in * 1_000) }),
  };
}

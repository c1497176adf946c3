import { once } from "node:events";
import { freePort } from "@parley/testkit";
import { Provider } from "oidc-provider";
import { clientId, clientSecret, type FillIn } from "./sign-in-fixture.ts";
import { exportJWK, generateKeyPair } from "jose";

export interface RealProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly fillIn: FillIn;
  stop(): Promise<void>;
}

/** A certified implementation of OpenID Connect. `redirectUris`: those of the edges. */
export async function startRealProvider(redirectUris: readonly string[]): Promise<RealProvider> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: redirectUris }],
    jwks: await signingKeys("real"),
    cookies: { keys: ["a key that signs the provider's cookies"] },
    claims: { openid: ["sub", "groups"], profile: ["name"], email: ["email"] },
    // Without it the ID token has what the scope openid gives, and the rest is at another address.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: async () => ({
        sub: accountId,
        name: `Person ${accountId}`,
        email: `${accountId}@example.org`,
        groups: ["operator"],
      }),
    }),
  });
  const server = provider.listen(port, "127.0.0.1", () => {});
  await once(server, "listening");
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return { issuer, stop, fillIn, [Symbol.asyncDispose]: stop };
}

/** What a provider signs with. */
export async function signingKeys(kid: string) {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { keys: [{ ...(await exportJWK(privateKey)), use: "sig", alg: "RS256", kid }] };
}

/** Its forms for development: a name and a password, then whether the client may. `end`: the path at which it is over. */
export const fillInUntil =
  (end: string): FillIn =>
  async (browser, page, user) => {
    let at = page;
    for (let step = 0; step < 6; step++) {
      const action = /<form[^>]* action="([^"]+)"/.exec(at.text)?.[1];
      const prompt = /name="prompt" value="([^"]+)"/.exec(at.text)?.[1] ?? "";
      if (action === undefined) throw new Error(`there is no form at ${at.url}: ${at.text.slice(0, 400)}`);
      const form = { prompt, ...(prompt === "login" ? { login: user, password: "any" } : {}) };
      const sent = await browser.request(new URL(action, at.url).href, { method: "POST", form });
      const goneOn = await browser.open(sent.location ?? "", (url) => url.includes(end));
      if (goneOn.location !== undefined) return goneOn.location;
      at = goneOn;
    }
    throw new Error("the provider leads nowhere");
  };

const fillIn = fillInUntil("/auth/callback");

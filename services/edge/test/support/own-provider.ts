import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { clientId } from "./sign-in-fixture.ts";
import { createIssuerKey, nowSeconds, type IssuerKey } from "./issuer-server.ts";

/** What a provider can do wrong, or differently. */
export interface Behaviour {
  /** Who signs in, without being asked. */
  user: string;
  /** Claims of the ID token instead of the right ones. */
  claims: Record<string, unknown>;
  /** By how much its clock is ahead. */
  skewSeconds: number;
  /** What it signs with. */
  key: IssuerKey;
  /** What it publishes. */
  published: readonly IssuerKey[];
  /** Instead of its answers, by path. */
  instead: Record<string, RequestListener>;
}

export interface OwnProvider extends AsyncDisposable {
  readonly issuer: string;
  /** Changed by the test while it runs. */
  readonly behaviour: Behaviour;
  /** How often each path was asked for. */
  readonly asked: Map<string, number>;
  /** Nobody answers from now on. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

interface Begun {
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

/** A provider that signs everybody in at once, and does wrong what it is told to. It keeps the rules where it is told nothing. */
export async function startOwnProvider(): Promise<OwnProvider> {
  const key = await createIssuerKey("RS256", "own-1");
  const behaviour: Behaviour = { user: "ann", claims: {}, skewSeconds: 0, key, published: [key], instead: {} };
  const asked = new Map<string, number>();
  const codes = new Map<string, Begun>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", issuer());
    asked.set(url.pathname, (asked.get(url.pathname) ?? 0) + 1);
    const listener = behaviour.instead[url.pathname];
    if (listener !== undefined) return listener(request, response);
    void answerOf(url, request).then(({ status = 200, headers = {}, body }) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    });
  });
  let port = 0;
  const issuer = (): string => `http://127.0.0.1:${port}`;

  interface Answer {
    readonly status?: number;
    readonly headers?: Record<string, string>;
    readonly body?: unknown;
  }
  const answerOf = async (url: URL, request: IncomingMessage): Promise<Answer> => {
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return { body: documentOf(issuer()) };
      case "/jwks":
        return { body: { keys: behaviour.published.map(({ jwk }) => jwk) } };
      case "/authorize":
        return { status: 302, headers: { location: authorize(url.searchParams, codes) } };
      case "/token":
        return token(new URLSearchParams(await textOf(request)), { codes, behaviour, issuer: issuer() });
      default:
        return { status: 404, body: {} };
    }
  };

  const start = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("it has no port");
    ({ port } = address);
  };
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  await start();
  return { issuer: issuer(), behaviour, asked, start, stop, [Symbol.asyncDispose]: stop };
}

function documentOf(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256", "ES256"],
    code_challenge_methods_supported: ["S256"],
  };
}

function authorize(query: URLSearchParams, codes: Map<string, Begun>): string {
  const code = randomBytes(16).toString("hex");
  const redirectUri = query.get("redirect_uri") ?? "";
  const [nonce, challenge] = [query.get("nonce") ?? "", query.get("code_challenge") ?? ""];
  codes.set(code, { nonce, challenge, redirectUri });
  const back = new URL(redirectUri);
  back.searchParams.set("code", code);
  back.searchParams.set("state", query.get("state") ?? "");
  return back.href;
}

interface Signing {
  readonly codes: Map<string, Begun>;
  readonly behaviour: Behaviour;
  readonly issuer: string;
}

async function token(form: URLSearchParams, { codes, behaviour, issuer }: Signing) {
  const begun = codes.get(form.get("code") ?? "");
  codes.delete(form.get("code") ?? "");
  const verifier = createHash("sha256")
    .update(form.get("code_verifier") ?? "")
    .digest("base64url");
  const isRight = begun !== undefined && verifier === begun.challenge && form.get("redirect_uri") === begun.redirectUri;
  if (!isRight) return { status: 400, body: { error: "invalid_grant" } };
  const now = nowSeconds() + behaviour.skewSeconds;
  const times = { iat: now, exp: now + 300 };
  const { user: sub, claims } = behaviour;
  const id_token = await behaviour.key.sign({
    iss: issuer,
    aud: clientId,
    sub,
    nonce: begun.nonce,
    ...times,
    ...claims,
  });
  return { body: { access_token: "access", token_type: "Bearer", expires_in: 300, id_token } };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += String(chunk);
  return text;
}

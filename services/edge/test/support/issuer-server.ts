import { createServer, type RequestListener, type Server } from "node:http";
import { once } from "node:events";
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from "jose";

export type Algorithm = "RS256" | "PS256" | "ES256" | "ES384" | "EdDSA";

/** A key pair as an issuer has it. */
export interface IssuerKey {
  readonly jwk: JWK;
  sign(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
}

export async function createIssuerKey(alg: Algorithm, kid: string): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    jwk: { ...(await exportJWK(publicKey)), kid, use: "sig" },
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, kid, typ: "JWT", ...header }).sign(privateKey),
  };
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** Claims of a good token, with others in their place. */
export function claimsOf(issuer: string, more: Record<string, unknown> = {}): JWTPayload {
  return { iss: issuer, aud: "parley", sub: "ann", iat: nowSeconds(), exp: nowSeconds() + 3_600, ...more };
}

export interface KeyServer extends AsyncDisposable {
  readonly url: string;
  /** How often it was asked. */
  requests(): number;
  /** Answers with these keys from now on. */
  publish(...keys: readonly (IssuerKey | JWK)[]): void;
  /** Answers in another way from now on. */
  behave(listener: RequestListener): void;
}

/** What an issuer answers who is asked for its keys. */
export async function startKeyServer(...keys: readonly (IssuerKey | JWK)[]): Promise<KeyServer> {
  let requests = 0;
  const answerOf = (published: readonly (IssuerKey | JWK)[]): RequestListener => {
    const body = JSON.stringify({ keys: published.map((key) => ("jwk" in key ? key.jwk : key)) });
    return (_request, response) => void response.setHeader("content-type", "application/json").end(body);
  };
  let listener = answerOf(keys);
  const server: Server = createServer((request, response) => {
    requests++;
    listener(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it has no port");
  return {
    url: `http://127.0.0.1:${address.port}/keys`,
    requests: () => requests,
    publish: (...published) => void (listener = answerOf(published)),
    behave: (other) => void (listener = other),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

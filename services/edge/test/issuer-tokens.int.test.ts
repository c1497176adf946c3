import { createHmac } from "node:crypto";
import { base64url, exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issuerAlgorithms } from "../src/admission/issuer-tokens.ts";
import {
  claimsOf,
  createIssuerKey,
  nowSeconds,
  startKeyServer,
  type Algorithm,
  type IssuerKey,
  type KeyServer,
} from "./support/issuer-server.ts";
import { jwtSecret, tokenOf } from "./support/edge-fixture.ts";
import { issuerAt, issuerUrl, tokensUnderTest, type TokensUnderTest } from "./support/token-fixture.ts";

const keys = new Map<Algorithm, IssuerKey>();
let server: KeyServer;
/** One issuer for each algorithm, and a shared secret. */
let tokens: TokensUnderTest;

const issuerOf = (algorithm: Algorithm): string => `${issuerUrl}${algorithm}`;

function keyOf(algorithm: Algorithm): IssuerKey {
  const key = keys.get(algorithm);
  if (key === undefined) throw new Error(`there is no key for ${algorithm}`);
  return key;
}

beforeAll(async () => {
  for (const algorithm of issuerAlgorithms) keys.set(algorithm, await createIssuerKey(algorithm, `key-${algorithm}`));
  server = await startKeyServer(...keys.values());
  const issuers = issuerAlgorithms.map((algorithm) =>
    issuerAt(server.url, {
      name: algorithm.toLowerCase(),
      issuer: issuerOf(algorithm),
      algorithms: [algorithm],
      isPrimary: false,
    }),
  );
  tokens = tokensUnderTest({ sharedSecret: { secret: jwtSecret }, issuers });
});
afterAll(async () => {
  tokens[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

describe("a token of an issuer", () => {
  it.each(issuerAlgorithms)("that is signed with its %s key is accepted", async (algorithm) => {
    const claims = claimsOf(issuerOf(algorithm), { name: "Ann", email: "ann@example.org" });
    const identity = await tokens.verify(await keyOf(algorithm).sign(claims));
    expect(identity).toMatchObject({
      user: { id: `~${algorithm.toLowerCase()}~ann`, name: "Ann", email: "ann@example.org" },
      issuer: algorithm.toLowerCase(),
      roles: [],
      expiresAtMs: (claims.exp ?? 0) * 1_000,
    });
  });

  it.each(issuerAlgorithms)("of %s is refused with the key of any other", async (mine) => {
    for (const other of issuerAlgorithms.filter((algorithm) => algorithm !== mine)) {
      const token = await keyOf(other).sign(claimsOf(issuerOf(mine)));
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
    }
  });

  it.each<[string, Record<string, unknown>]>([
    ["for another audience", { aud: "another" }],
    ["for no audience", { aud: undefined }],
    ["of another issuer", { iss: "https://login.example.org" }],
    ["without a subject", { sub: undefined }],
    ["with an empty subject", { sub: "" }],
    ["without an end", { exp: undefined }],
    ["whose end is a text", { exp: "tomorrow" }],
    ["that is not valid yet", { nbf: nowSeconds() + 60 }],
    ["that was made in the future", { iat: nowSeconds() + 60 }],
    ["for refreshing, as seed C says it", { type: "refresh" }],
    ["for refreshing, as Keycloak says it", { typ: "Refresh" }],
    ["for refreshing while nobody is there", { typ: "Offline" }],
    ["for refreshing, as Cognito says it", { token_use: "refresh" }],
    ["that tells of a logout", { events: { "http://schemas.openid.net/event/backchannel-logout": {} } }],
  ])("%s is refused", async (_what, more) => {
    const token = await keyOf("RS256").sign(claimsOf(issuerOf("RS256"), more));
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
  });

  it.each(["logout+jwt", "application/logout+jwt", "dpop+jwt", "refresh+jwt", "secevent+jwt"])(
    "with the typ %s is refused",
    async (typ) => {
      const token = await keyOf("ES256").sign(claimsOf(issuerOf("ES256")), { typ });
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
    },
  );

  it.each(["at+jwt", "application/at+jwt", "jwt", undefined])("with the typ %s is accepted", async (typ) => {
    const token = await keyOf("ES256").sign(claimsOf(issuerOf("ES256")), { typ });
    expect((await tokens.verify(token)).issuer).toBe("es256");
  });

  it("that has run out says so, and only if it was a good one", async () => {
    const old = claimsOf(issuerOf("ES256"), { exp: nowSeconds() - 10 });
    await expect(tokens.verify(await keyOf("ES256").sign(old))).rejects.toMatchObject({ code: "AUTH_EXPIRED" });
    const forged = `${(await keyOf("ES256").sign(old)).slice(0, -8)}AAAAAAAA`;
    await expect(tokens.verify(forged)).rejects.toMatchObject({ code: "AUTH_INVALID" });
  });

  it.each([3, -3])("whose maker's clock is %d s ahead is accepted", async (aheadSeconds) => {
    const made = nowSeconds() + aheadSeconds;
    const claims = claimsOf(issuerOf("ES256"), { iat: made, nbf: made, exp: made + 2 });
    expect((await tokens.verify(await keyOf("ES256").sign(claims))).issuer).toBe("es256");
  });

  it("beside which the shared secret goes on", async () => {
    expect((await tokens.verify(await tokenOf("ann"))).user.id).toBe("ann");
  });
});

const inAnHour = { ...claimsOf(issuerOf("RS256")) };

/** A token with any header, signed by HMAC with any bytes. */
function macToken(header: object, secret: string | Uint8Array, claims: object = inAnHour): string {
  const text = [header, claims].map((part) => base64url.encode(JSON.stringify(part))).join(".");
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

describe("a forged token", () => {
  it("without a signature is refused, whoever it says made it", async () => {
    const none = new UnsecuredJWT({ ...inAnHour }).encode();
    const header = base64url.encode(JSON.stringify({ alg: "none", kid: "key-RS256" }));
    for (const token of [none, `${header}.${none.split(".")[1]}.`, none.replace(/^[^.]*/, header)]) {
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
    }
  });

  it("that takes the public key for a shared secret is refused", async () => {
    const { jwk } = keyOf("RS256");
    const imported = await importJWK({ ...jwk, ext: true }, "RS256", { extractable: true });
    if (imported instanceof Uint8Array) throw new Error("it is no public key");
    const pem = await exportSPKI(imported);
    for (const secret of [pem, pem.trim(), jwk.n ?? "", JSON.stringify(jwk)]) {
      const token = macToken({ alg: "HS256", kid: "key-RS256" }, secret);
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
    }
  });

  it("that is signed with the shared secret does not pass for an issuer's", async () => {
    const token = macToken({ alg: "HS256", typ: "JWT" }, jwtSecret);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
  });

  it("that brings its own key is refused", async () => {
    const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
    const jwk = await exportJWK(publicKey);
    const headers = [
      { jwk },
      { jwk, kid: "key-RS256" },
      { jku: `${server.url}/evil`, kid: "key-RS256" },
      { x5u: `${server.url}/evil`, kid: "key-RS256" },
    ];
    const before = server.requests();
    for (const header of headers) {
      const token = await new SignJWT(inAnHour).setProtectedHeader({ alg: "RS256", ...header }).sign(privateKey);
      await expect(tokens.verify(token)).rejects.toMatchObject({
        code: expect.stringMatching(/AUTH_INVALID|AUTH_UNAVAILABLE/),
      });
    }
    expect(server.requests()).toBe(before);
  });

  it("whose header asks for what is not understood is refused", async () => {
    const token = await keyOf("RS256").sign(inAnHour);
    const header = base64url.encode(JSON.stringify({ alg: "RS256", kid: "key-RS256", crit: ["exp"], exp: 1 }));
    await expect(tokens.verify(token.replace(/^[^.]*/, header))).rejects.toMatchObject({ code: "AUTH_INVALID" });
  });

  it.each(["", ".", "..", "a.b.c", "eyJhbGciOiJSUzI1NiJ9..x", "a.b.c.d.e", "\ud83d", "x.".repeat(500), "e30.e30.e30"])(
    "%j is refused",
    async (token) => {
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
    },
  );

  it("is refused where no shared secret and no such issuer is configured", async () => {
    using others = tokensUnderTest({ issuers: [issuerAt(server.url)] });
    for (const token of [await tokenOf("ann"), await keyOf("RS256").sign(claimsOf("https://elsewhere.example.org"))]) {
      await expect(others.verify(token)).rejects.toMatchObject({ code: "AUTH_INVALID" });
    }
  });
});

import type { JWTPayload } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { firebaseIssuer } from "../src/admission/issuer-tokens.ts";
import {
  createIssuerKey,
  nowSeconds,
  startKeyServer,
  type IssuerKey,
  type KeyServer,
} from "./support/issuer-server.ts";
import { tokensUnderTest, type TokensUnderTest } from "./support/token-fixture.ts";

const project = "parley-test-1";
let server: KeyServer;
let google: IssuerKey;
let other: IssuerKey;
let tokens: TokensUnderTest;

beforeAll(async () => {
  [google, other] = [await createIssuerKey("RS256", "google-1"), await createIssuerKey("ES256", "google-2")];
  server = await startKeyServer(google, other);
  const rules = { tenant: { claim: ["firebase", "tenant"], names: { "acme-x1": "acme" } } };
  tokens = tokensUnderTest({
    issuers: [firebaseIssuer({ project, jwks: server.url, isPrimary: true, rules })],
  });
});
afterAll(async () => {
  tokens[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** The claims of an ID token, as Firebase makes them. */
function idToken(more: Record<string, unknown> = {}): JWTPayload {
  const now = nowSeconds();
  return {
    iss: `https://securetoken.google.com/${project}`,
    aud: project,
    auth_time: now - 600,
    user_id: "uid-1",
    sub: "uid-1",
    iat: now - 10,
    exp: now + 3_590,
    email: "ann@example.org",
    name: "Ann",
    firebase: { identities: {}, sign_in_provider: "password", tenant: "acme-x1" },
    ...more,
  };
}

it("accepts an ID token of the project", async () => {
  expect(await tokens.verify(await google.sign(idToken()))).toMatchObject({
    user: { id: "uid-1", email: "ann@example.org", name: "Ann" },
    issuer: "firebase",
    tenant: "acme",
  });
});

it.each<[string, Record<string, unknown>]>([
  ["of another project", { iss: "https://securetoken.google.com/other-1", aud: "other-1" }],
  ["whose audience is another project", { aud: "other-1" }],
  ["whose issuer is another project", { iss: "https://securetoken.google.com/other-1" }],
  ["without a subject", { sub: undefined }],
  ["with an empty subject", { sub: "" }],
  ["whose subject has more than 128 characters", { sub: "x".repeat(129) }],
  ["of somebody who signs in tomorrow", { auth_time: nowSeconds() + 86_400 }],
  ["without the time of the sign-in", { auth_time: undefined }],
  ["made in the future", { iat: nowSeconds() + 600 }],
  ["without the time when it was made", { iat: undefined }],
  ["without a tenant that is known", { firebase: { tenant: "acme-x2" } }],
])("refuses a token %s", async (_what, more) => {
  await expect(tokens.verify(await google.sign(idToken(more)))).rejects.toMatchObject({ code: "AUTH_INVALID" });
});

it("refuses a custom token, which a server signs to sign somebody in", async () => {
  const account = `firebase-adminsdk@${project}.iam.gserviceaccount.com`;
  const aud = "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";
  for (const iss of [account, `https://securetoken.google.com/${project}`]) {
    const custom = idToken({ iss, aud, sub: account, uid: "uid-1" });
    await expect(tokens.verify(await google.sign(custom))).rejects.toMatchObject({ code: "AUTH_INVALID" });
  }
});

it("refuses a token that names no key, or another algorithm than RS256", async () => {
  server.publish(google);
  using alone = tokensUnderTest({
    issuers: [firebaseIssuer({ project, jwks: server.url, isPrimary: true, rules: {} })],
  });
  await alone.verify(await google.sign(idToken()));
  await expect(alone.verify(await google.sign(idToken(), { kid: undefined }))).rejects.toMatchObject({
    code: "AUTH_INVALID",
  });
  await expect(tokens.verify(await other.sign(idToken()))).rejects.toMatchObject({ code: "AUTH_INVALID" });
});

it("says AUTH_EXPIRED of one that has run out", async () => {
  const old = idToken({ iat: nowSeconds() - 3_700, exp: nowSeconds() - 100 });
  await expect(tokens.verify(await google.sign(old))).rejects.toMatchObject({ code: "AUTH_EXPIRED" });
});

it("asks Google for the keys, unless it is told otherwise", () => {
  expect(firebaseIssuer({ project, isPrimary: true, rules: {} }).jwks).toBe(
    "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
  );
});

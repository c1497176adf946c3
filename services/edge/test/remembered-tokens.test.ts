import { expect, it } from "vitest";
import type { Identity } from "../src/admission/identity.ts";
import { createRememberedTokens } from "../src/admission/remembered-tokens.ts";
import type { TokenVerifier } from "../src/admission/token-verifier.ts";

function identity(id: string, expiresAtMs = Date.now() + 60_000): Identity {
  return {
    user: { id },
    issuer: "corp",
    tenant: undefined,
    roles: [],
    expiresAtMs,
    session: undefined,
    tokenId: undefined,
    issuedAtMs: undefined,
  };
}

function verifierAt(version: () => number): TokenVerifier {
  return { version, verify: () => Promise.reject(new Error("nobody asks")) };
}

const verifier = verifierAt(() => 0);

it("forgets the token that was used longest ago when there are too many", () => {
  const tokens = createRememberedTokens(3);
  for (const key of ["a", "b", "c"]) tokens.keep(key, { identity: identity(key), verifier, version: 0 });
  tokens.find("a");
  tokens.keep("d", { identity: identity("d"), verifier, version: 0 });
  expect(["a", "b", "c", "d"].map((key) => tokens.find(key)?.user.id)).toEqual(["a", undefined, "c", "d"]);
  expect(tokens.size()).toBe(3);
});

it("keeps nothing that has run out", () => {
  const tokens = createRememberedTokens();
  tokens.keep("a", { identity: identity("a", Date.now() - 1), verifier, version: 0 });
  expect(tokens.find("a")).toBeUndefined();
  expect(tokens.size()).toBe(0);
});

it("keeps nothing of a maker whose key was withdrawn, also while a token was checked", () => {
  let version = 0;
  const tokens = createRememberedTokens();
  tokens.keep("a", { identity: identity("a"), verifier: verifierAt(() => version), version: 0 });
  expect(tokens.find("a")?.user.id).toBe("a");
  version = 1;
  expect(tokens.find("a")).toBeUndefined();
  tokens.keep("b", { identity: identity("b"), verifier: verifierAt(() => version), version: 0 });
  expect(tokens.find("b")).toBeUndefined();
});

it("knows a token by its hash alone", () => {
  const tokens = createRememberedTokens();
  expect(tokens.keyOf("canary")).toMatch(/^[\w-]{43}$/);
  expect(tokens.keyOf("canary")).not.toBe(tokens.keyOf("canary "));
});

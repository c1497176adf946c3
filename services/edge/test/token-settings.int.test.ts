import { writeFileSync } from "node:fs";
import path from "node:path";
import { readConfig } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { describe, expect, it } from "vitest";
import { readTokenSettings } from "../src/admission/token-settings.ts";
import { Config } from "../src/config.ts";

const secret = "b6f0d7f4a3c14f0e9a2b8c7d5e6f1a2b";

const corp = `
issuers:
  - name: corp
    issuer: https://login.example.org/
    audience: parley
    algorithms: [RS256, EdDSA]
    jwks: https://login.example.org/keys
    tenant: { claim: org_id, names: { org_1: acme } }
    roles: { claim: [realm_access, roles] }
`;

async function read(env: Record<string, string>, yaml?: string) {
  await using folder = await tempDir();
  const file = path.join(folder.path, "issuers.yaml");
  if (yaml !== undefined) writeFileSync(file, yaml);
  const named: Record<string, string> = yaml === undefined ? {} : { ISSUERS_FILE: file };
  return await readTokenSettings(readConfig(Config, { ...named, ...env }));
}

async function problemOf(env: Record<string, string>, yaml?: string): Promise<string> {
  return read(env, yaml).then(
    () => "none",
    (error: unknown) => (error instanceof Error ? error.message : "none"),
  );
}

describe("the makers of tokens", () => {
  it("are the shared secret alone where nothing else is set, with its users' own names", async () => {
    const settings = await read({ AUTH_JWT_SECRET: secret, AUTH_ISSUER: "us", AUTH_AUDIENCE: "parley" });
    expect(settings).toEqual({
      sharedSecret: { secret, issuer: "us", audience: "parley", isPrimary: true, rules: {} },
      issuers: [],
    });
  });

  it("are those of a file, without a shared secret", async () => {
    const { sharedSecret, issuers } = await read({ NODE_ENV: "production" }, corp);
    expect(sharedSecret).toBeUndefined();
    expect(issuers).toEqual([
      {
        name: "corp",
        issuer: "https://login.example.org/",
        audience: ["parley"],
        algorithms: ["RS256", "EdDSA"],
        jwks: "https://login.example.org/keys",
        isPrimary: true,
        rules: {
          tenant: { claim: ["org_id"], names: { org_1: "acme" } },
          roles: { claim: ["realm_access", "roles"] },
        },
      },
    ]);
  });

  it("are a project of Firebase, whose claims the file explains", async () => {
    const { issuers } = await read({ FIREBASE_PROJECT_ID: "parley-test-1" }, "firebase: { tenant: { fixed: acme } }");
    expect(issuers).toEqual([
      {
        name: "firebase",
        issuer: "https://securetoken.google.com/parley-test-1",
        audience: ["parley-test-1"],
        algorithms: ["RS256"],
        jwks: expect.stringContaining("https://www.googleapis.com/"),
        isPrimary: true,
        isFirebase: true,
        rules: { tenant: { fixed: "acme" } },
      },
    ]);
  });

  it.each([
    ["corp", [false, true]],
    ["shared-secret", [true, false]],
    ["shared-secret, corp", [true, true]],
    ["none", [false, false]],
  ])("of whom %s is the primary one name their users so", async (primary, expected) => {
    const { sharedSecret, issuers } = await read({ AUTH_JWT_SECRET: secret, AUTH_PRIMARY_ISSUERS: primary }, corp);
    expect([sharedSecret?.isPrimary, issuers?.[0]?.isPrimary]).toEqual(expected);
  });

  it("stay without primary one when that is gone", async () => {
    expect((await read({ AUTH_PRIMARY_ISSUERS: "none" }, corp)).issuers?.[0]?.isPrimary).toBe(false);
  });

  it.each([
    [{ AUTH_JWT_SECRET: secret }, corp, /AUTH_PRIMARY_ISSUERS is not set.*\(shared-secret, corp, or none\)/],
    [
      { AUTH_JWT_SECRET: secret, AUTH_PRIMARY_ISSUERS: "crop" },
      corp,
      /names crop, but there are only shared-secret, corp/,
    ],
    [{ AUTH_PRIMARY_ISSUERS: "none,corp" }, corp, /none and something else/],
    [{ ISSUERS_FILE: "/nope" }, undefined, /The file of the issuers, \/nope, cannot be read/],
    [{}, "issuers: []", /no token could be accepted/],
    [
      { AUTH_JWT_SECRET: secret, AUTH_ISSUER: "https://login.example.org/", AUTH_PRIMARY_ISSUERS: "corp" },
      corp,
      /AUTH_ISSUER is https:\/\/login.example.org\//,
    ],
    [
      { FIREBASE_PROJECT_ID: "parley-test-1", AUTH_PRIMARY_ISSUERS: "corp" },
      corp.replace("https://login.example.org/\n", "https://securetoken.google.com/parley-test-1\n"),
      /securetoken.google.com\/parley-test-1 is configured twice/,
    ],
  ])("%j with %j are refused", async (env, yaml, words) => {
    expect(await problemOf(env, yaml)).toMatch(words);
  });

  it.each([
    [{}, /AUTH_JWT_SECRET is not set, but it is needed/],
    [{ AUTH_DEV: "1", FIREBASE_PROJECT_ID: "parley-test-1" }, /AUTH_DEV needs AUTH_JWT_SECRET/],
    [{ FIREBASE_PROJECT_ID: "My Project" }, /FIREBASE_PROJECT_ID must be the id of a Firebase project/],
    [{ AUTH_JWT_SECRET: secret, FIREBASE_JWKS_URL: "http://mirror.example/" }, /FIREBASE_JWKS_URL must be an https/],
  ])("%j are no settings", (env, words) => {
    expect(() => readConfig(Config, env)).toThrow(words);
  });
});

describe("a file of issuers", () => {
  it.each([
    ["name: corp", "name: Corp", /issuers\.yaml:3: issuers\.0\.name must be 1 to 32 small letters/],
    ["name: corp", "name: firebase", /issuers\.yaml:3: issuers\.0\.name must not be a name that Parley uses/],
    ["    audience: parley\n", "", /issuers\.yaml:3: the field "issuers\.0\.audience" is missing/],
    ["audience: parley", "audience: []", /issuers\.yaml:5: issuers\.0\.audience must/],
    ["[RS256, EdDSA]", "[RS256, HS256]", /issuers\.yaml:6: issuers\.0\.algorithms\.1 must be one of RS256, PS256/],
    ["[RS256, EdDSA]", "[none]", /issuers\.yaml:6: issuers\.0\.algorithms\.0 must be one of/],
    ["[RS256, EdDSA]", "[]", /issuers\.yaml:6: issuers\.0\.algorithms must not be empty/],
    ["jwks: https://login", "jwks: http://login", /issuers\.yaml:7: issuers\.0\.jwks must be an https address/],
    [
      "jwks: https://login",
      "jwks: https://me:hush@login",
      /issuers\.yaml:7: issuers\.0\.jwks must be an https address/,
    ],
    ["claim: org_id", "cliam: org_id", /issuers\.yaml:8: issuers\.0\.tenant must have either/],
    ["org_1: acme", 'org_1: "a b"', /issuers\.yaml:8: issuers\.0\.tenant/],
    ["    roles:", "    rules:", /issuers\.yaml:9: unknown field "rules"/],
    ["issuers:", "issuer:", /issuers\.yaml:2: unknown field "issuer"/],
  ])("with %j as %j is refused with its line", async (from, to, words) => {
    const message = await problemOf({}, corp.replace(from, to));
    expect(message).toMatch(/^The issuers cannot be used:\n/);
    expect(message).toMatch(words);
    expect(message).not.toContain("hush");
  });

  it("with two issuers of one name is refused", async () => {
    const entry = corp.replace("\nissuers:\n", "");
    const message = await problemOf({}, `${corp}${entry.replace("example.org/\n", "example.com/\n")}`);
    expect(message).toMatch(/issuers\.yaml:10: issuers\.1\.name must not be the name of another issuer/);
  });

  it("may have its keys on this machine without TLS", async () => {
    for (const host of ["localhost", "127.0.0.1:8080", "[::1]:8080"]) {
      const { issuers } = await read({}, corp.replace("https://login.example.org/keys", `http://${host}/keys`));
      expect(issuers).toHaveLength(1);
    }
  });
});

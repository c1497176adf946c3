import { describe, expect, it } from "vitest";
import { identityOf, issuedNameOf, type ClaimRules } from "../src/admission/identity.ts";

const exp = Math.floor(Date.now() / 1_000) + 3_600;

function idOf(sub: string, isPrimary = false): string {
  return identityOf({ sub, exp }, { issuer: "corp", isPrimary, rules: {} }).user.id;
}

describe("a user", () => {
  it("of a primary issuer has the bare subject as id", () => {
    expect(idOf("ann", true)).toBe("ann");
    expect(idOf("~ann", true)).toBe("~ann");
    expect(idOf("x".repeat(128), true)).toBe("x".repeat(128));
  });

  it("of another issuer is named by issuer and subject", () => {
    expect(idOf("ann")).toBe("~corp~ann");
    expect(idOf("auth0|5f7c8ec7")).toBe("~corp~auth0|5f7c8ec7");
  });

  it.each(["~corp~ann", "~corp~~x", "~other~"])("of a primary issuer is never %s: that is another issuer's", (sub) => {
    expect(() => idOf(sub, true)).toThrow(/form of another issuer's user/);
  });

  it.each([
    ["too long", "x".repeat(123)],
    ["like one that stands for a hash", "~x"],
    ["as long as any may be", "é".repeat(255)],
  ])("of another issuer has a hash in its id when the subject is %s", (_what, sub) => {
    expect(idOf(sub)).toMatch(/^~corp~~[\w-]{43}$/);
    expect(idOf(sub)).toBe(idOf(sub));
    expect(idOf(sub)).not.toBe(idOf(`${sub.slice(0, -1)}y`));
  });

  it("is never the same as that of another issuer or subject", () => {
    const subjects = ["ann", "~ann", "~corp~ann", "corp~ann", "~~ann", "x".repeat(121), "x".repeat(122), ""];
    const hashes = subjects.map((subject) => issuedNameOf("corp", subject).replace(/^~corp~/, ""));
    const names = ["corp", "corp-2"].flatMap((issuer) =>
      [...subjects, ...hashes.filter((one) => !subjects.includes(one))].map((subject) => issuedNameOf(issuer, subject)),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(128);
  });

  it.each<[string, Record<string, unknown>]>([
    ["no subject", {}],
    ["an empty one", { sub: "" }],
    ["one that is no text", { sub: 7 }],
    ["half of a character in it", { sub: "ann\ud83d" }],
    ["more than OpenID Connect allows", { sub: "x".repeat(256) }],
  ])("has %s: there is none", (_what, claims) => {
    const naming = { issuer: "corp", isPrimary: false, rules: {} };
    expect(() => identityOf({ exp, ...claims }, naming)).toThrow(/sub/);
  });

  it("of a primary issuer with more than 128 characters is none", () => {
    expect(() => idOf("x".repeat(129), true)).toThrow(/more than 128/);
  });
});

function groupsOf(rules: ClaimRules, claims: Record<string, unknown>, isPrimary = false) {
  const { tenant, roles } = identityOf({ sub: "ann", exp, ...claims }, { issuer: "corp", isPrimary, rules });
  return { tenant, roles };
}

describe("a tenant", () => {
  const claim = ["org", "id"];

  it.each<[string, ClaimRules["tenant"], boolean, string | undefined]>([
    ["is none without a rule", undefined, false, undefined],
    ["is what is fixed for the issuer", { fixed: "acme" }, false, "acme"],
    ["is what a primary issuer says", { claim }, true, "org_1"],
    ["is named by issuer when another says it", { claim }, false, "~corp~org_1"],
    ["is what the configuration calls it", { claim, names: { org_1: "acme" } }, false, "acme"],
  ])("%s", (_what, tenant, isPrimary, expected) => {
    expect(groupsOf({ tenant }, { org: { id: "org_1" } }, isPrimary).tenant).toBe(expected);
  });

  it.each<[string, Record<string, unknown>, ClaimRules["tenant"]]>([
    ["is missing", {}, { claim }],
    ["is no text", { org: { id: ["org_1"] } }, { claim }],
    ["is no name", { org: { id: "org 1" } }, { claim }],
    ["is empty", { org: { id: "" } }, { claim }],
    ["is not among those that are named", { org: { id: "org_2" } }, { claim, names: { org_1: "acme" } }],
    ["is inherited by every object", { org: {} }, { claim: ["org", "constructor"] }],
    ["is inherited by the names", { org: { id: "constructor" } }, { claim, names: { org_1: "acme" } }],
  ])("that %s makes the token invalid", (_what, claims, tenant) => {
    expect(() => groupsOf({ tenant }, claims)).toThrow(/tenant/);
  });
});

describe("roles", () => {
  const roles = { claim: ["roles"] };
  const many = Array.from({ length: 33 }, (_, i) => `r${i}`);

  it.each<[string, unknown, ClaimRules["roles"], readonly string[]]>([
    ["are none without a rule", ["admin"], undefined, []],
    ["are none without the claim", undefined, roles, []],
    ["are a list", ["admin", "writer"], roles, ["admin", "writer"]],
    ["are words of a text", "admin  writer", roles, ["admin", "writer"]],
    ["count once", ["admin", "admin"], roles, ["admin"]],
    ["that are no names give no right", ["admin", "", "a b", 7, null, "x".repeat(65), "*"], roles, ["admin"]],
    ["get other names", ["g1", "g2", "constructor"], { ...roles, names: { g1: "admin" } }, ["admin"]],
    ["count once they are named", [...many, "g1"], { ...roles, names: { g1: "admin" } }, ["admin"]],
  ])("%s", (_what, value, rule, expected) => {
    expect(groupsOf({ roles: rule }, { roles: value }).roles).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ["are no list", { admin: true }],
    ["are more than 32", many],
  ])("that %s make the token invalid", (_what, value) => {
    expect(() => groupsOf({ roles }, { roles: value })).toThrow(/roles/);
  });
});

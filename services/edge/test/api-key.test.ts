import fc from "fast-check";
import { expect, it } from "vitest";
import { parseYaml } from "@parley/runtime";
import { createApiKey, hashOfApiKey, isApiKey, isWellTyped } from "../src/admission/api-key.ts";
import { ApiKeysFile } from "../src/admission/api-keys-file.ts";

it("a key has 256 random bits behind a name that scanners find", () => {
  const keys = Array.from({ length: 200 }, createApiKey);
  expect(new Set(keys).size).toBe(200);
  for (const key of keys) {
    expect(key).toMatch(/^parley_[0-9A-Za-z]{49}$/);
    expect([isApiKey(key), isWellTyped(key)]).toEqual([true, true]);
    expect(hashOfApiKey(key)).toMatch(/^sha256:[\w-]{43}$/);
  }
  // As long in digits as the largest number needs.
  expect(62n ** 43n > 2n ** 256n).toBe(true);
});

it("each character that is wrong, missing, too much or in another's place is seen without a look-up", () => {
  const letters = fc.constantFrom(..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".split(""));
  const place = fc.integer({ min: 7, max: 55 });
  fc.assert(
    fc.property(place, letters, (at, letter) => {
      const key = createApiKey();
      const wrong = key.slice(0, at) + letter + key.slice(at + 1);
      expect(isWellTyped(wrong)).toBe(wrong === key);
      expect(isWellTyped(key.slice(0, at) + key.slice(at + 1))).toBe(false);
      expect(isWellTyped(key.slice(0, at) + letter + key.slice(at))).toBe(false);
    }),
    { numRuns: 200 },
  );
});

const good = `
keys:
  - name: ci
    hash: ${hashOfApiKey("parley_x")}
    user: svc-ci
    scopes: ["conversation:*"]
    created: 2026-11-29
`;

it("a file of keys needs no quotes around its dates", () => {
  const parsed = parseYaml({ file: "keys.yaml", text: good }, ApiKeysFile);
  expect(parsed).toMatchObject({
    ok: true,
    value: { keys: [{ name: "ci", created: Date.parse("2026-11-29"), roles: [] }] },
  });
});

it.each([
  [
    "a key in place of its hash",
    good.replace(/sha256:.*/, createApiKey()),
    /keys\.yaml:4: keys\.0\.hash must be the hash/,
  ],
  ["no scopes", good.replace(/ {4}scopes.*\n/, ""), /keys\.yaml:3: the field "keys\.0\.scopes" is missing/],
  [
    "a scope that no action has",
    good.replace("conversation:*", "chat:*"),
    /keys\.yaml:6: keys\.0\.scopes\.0 must be an action/,
  ],
  ["a date that is none", good.replace("2026-11-29", "soon"), /keys\.yaml:7: keys\.0\.created must be a date/],
  ["two keys of one name", good + good.slice("\nkeys:\n".length), /keys\.yaml:8: keys\.1\.name must not be the name/],
  ["half an address", `${good}    addresses: [10.0.0]\n`, /keys\.yaml:8: keys\.0\.addresses\.0 must be an address/],
  [
    "a network of IPv6 that is too small",
    `${good}    addresses: ["2001:db8::/96"]\n`,
    /must be an address or a network/,
  ],
  ["a misspelt field", `${good}    expire: 2027-01-01\n`, /keys\.yaml:8: unknown field "expire"/],
])("a file with %s is refused with its line", (_what, text, problem) => {
  const parsed = parseYaml({ file: "keys.yaml", text }, ApiKeysFile);
  expect(parsed.ok ? "" : parsed.problems.join("\n")).toMatch(problem);
});

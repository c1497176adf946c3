import { writeFile } from "node:fs/promises";
import path from "node:path";
import { createLogger } from "@parley/runtime";
import { tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { openMasterKeys } from "../src/encryption.ts";
import { openKeyring } from "../src/keyring.ts";
import { joinMasterKeys } from "../src/master-keys.ts";
import { newMaster } from "./encrypted-bus.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const secret = Buffer.alloc(32, 3);
const place = (tenant?: string) => ({ tenant, hash: "h1" });

async function keyringOf(text: string) {
  const folder = await tempDir();
  const file = path.join(folder.path, "keys.yaml");
  await writeFile(file, text);
  const opening = openKeyring(file, log);
  await opening.catch(() => {});
  return {
    opening,
    async [Symbol.asyncDispose]() {
      await opening.then((keys) => keys.close()).catch(() => {});
      await folder[Symbol.asyncDispose]();
    },
  };
}

it("a tenant's own keys wrap for it, the default ones for all others, and each opens what it has wrapped", async () => {
  const [one, old, acme] = [newMaster(), newMaster(), newMaster()];
  await using file = await keyringOf(`
default: [{ id: one, key: ${one} }, { id: old, key: ${old} }]
tenants: { acme: [{ id: acme-1, key: ${acme} }] }`);
  const keys = await file.opening;
  for (const [tenant, master] of [
    [undefined, "one"],
    ["globex", "one"],
    ["acme", "acme-1"],
    // No name of a tenant is one of an object's own.
    ["constructor", "one"],
  ] as const) {
    const wrapped = await keys.wrap(secret, place(tenant));
    expect(wrapped.master).toBe(master);
    expect(await keys.unwrap(wrapped, place(tenant))).toEqual(secret);
    expect(await keys.isCurrent(wrapped, place(tenant))).toBe(true);
    // Of another scope or tenant it is not opened.
    await expect(keys.unwrap(wrapped, { tenant, hash: "h2" })).rejects.toThrow();
    await expect(keys.unwrap(wrapped, place("other"))).rejects.toThrow();
  }
  await using before = await keyringOf(`default: [{ id: old, key: ${old} }]`);
  const wrapped = await (await before.opening).wrap(secret, place("acme"));
  expect(await keys.isCurrent(wrapped, place("acme"))).toBe(false);
  expect(await keys.unwrap(wrapped, place("acme"))).toEqual(secret);
});

it("what no keyring knows is missing, not gone", async () => {
  await using file = await keyringOf(`default: [{ id: one, key: ${newMaster()} }]`);
  const keys = joinMasterKeys([await file.opening]);
  await expect(keys.unwrap({ master: "two", wrapped: "AAAA" }, place())).rejects.toThrow('no master key "two"');
});

it.each([
  ["", "must have keys"],
  ["default: []", "must have a key"],
  ["default: [{ id: one, key: c2hvcnQ= }]", "must be 32 bytes in base64"],
  [`default: [{ id: "a b", key: ${newMaster()} }]`, "must be 1 to 64 letters"],
  [`default: [{ id: a, key: ${newMaster()} }, { id: a, key: ${newMaster()} }]`, "two keys of one id"],
  [`keys: [{ id: a, key: ${newMaster()} }]`, 'unknown field "keys"'],
])("a file that says %j is refused", async (text, words) => {
  await using file = await keyringOf(text);
  await expect(file.opening).rejects.toThrow(words);
  // What is wrong with a key is told without the key.
  await expect(file.opening).rejects.not.toThrow("c2hvcnQ");
});

it("a process without a key starts, whatever else is set; not one that has asked for encryption", async () => {
  const settings = { NODE_ENV: "development", NATS_URL: "nats://127.0.0.1", ENCRYPTION_KEY: undefined };
  expect(await openMasterKeys(settings, log)).toBeUndefined();
  await expect(openMasterKeys({ ...settings, ENCRYPTION: "on" }, log)).rejects.toThrow("ENCRYPTION is set, but");
});

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { connectNats, connectRedis, natsAddress, redisAddress } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { tempDir, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAuthority } from "./certificates.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
let folder: TempDir;
let files: Record<"ca" | "cert" | "key" | "otherKey" | "text" | "missing", string>;

beforeAll(async () => {
  folder = await tempDir();
  const authority = await createAuthority(folder.path, "ca");
  const { certFile, keyFile } = await authority.issue("one");
  const { keyFile: otherKey } = await authority.issue("other");
  const text = path.join(folder.path, "text");
  await writeFile(text, "no certificate");
  const missing = path.join(folder.path, "missing");
  files = { ca: authority.caFile, cert: certFile, key: keyFile, otherKey, text, missing };
});
afterAll(() => folder[Symbol.asyncDispose]());

type Settings = Partial<Record<"CA" | "CERT" | "KEY", keyof typeof files>>;

/** What a process says that is started with these files; nothing listens at the address. */
async function refusal(broker: "NATS" | "REDIS", scheme: string, settings: Settings): Promise<string> {
  const config = Object.fromEntries(
    Object.entries(settings).map(([name, file]) => [`${broker}_${name}_FILE`, files[file]]),
  );
  const url = `${scheme}://127.0.0.1:1`;
  try {
    if (broker === "NATS") await connectNats({ ...natsAddress({ NATS_URL: url, ...config }), name: "test", log });
    else connectRedis({ ...redisAddress({ REDIS_URL: url, ...config }), role: "cache", log }).disconnect();
    return "accepted";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const brokers = [
  ["NATS", "nats", "tls"],
  ["REDIS", "redis", "rediss"],
] as const;

it.each(brokers)("a process says which file of %s cannot be used", async (broker, plain, secured) => {
  const says = (settings: Settings): Promise<string> => refusal(broker, secured, settings);
  expect(await says({ CA: "missing" })).toBe(`${broker}_CA_FILE cannot be read: ${files.missing}.`);
  expect(await says({ CA: "text" })).toBe(`${broker}_CA_FILE has no certificate in PEM.`);
  expect(await says({ CERT: "cert" })).toBe(
    `${broker}_CERT_FILE and ${broker}_KEY_FILE belong together: only one of them is set.`,
  );
  expect(await says({ CERT: "text", KEY: "key" })).toBe(`${broker}_CERT_FILE has no certificate in PEM.`);
  expect(await says({ CERT: "cert", KEY: "otherKey" })).toBe(
    `${broker}_KEY_FILE is not the key of the certificate in ${broker}_CERT_FILE.`,
  );
  expect(await refusal(broker, plain, { CA: "ca" })).toBe(
    `${broker}_CA_FILE is set, but ${broker}_URL does not ask for TLS: it has to begin with ${secured}://.`,
  );
});

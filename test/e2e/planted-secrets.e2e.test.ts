import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { sleep } from "@parley/runtime";
import { eventually, startSystem, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { allWays, foundIn, newSecrets, plant } from "./planted-secrets.ts";

const issuers = `
issuers: []
shared_secret: { roles: { claim: roles }, tenant: { claim: tenant } }
`;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Nothing says when there is nothing to come. */
const settleMs = 2_000;

/** Plants secrets in a whole system, and gives what of them is found where. */
async function search(encryption: Record<string, string>) {
  await using folder = await tempDir();
  const at = (name: string): string => path.join(folder.path, name);
  for (const name of ["nats", "redis", "told", "traces"]) await mkdir(at(name));
  await writeFile(at("issuers.yaml"), issuers);
  const secrets = newSecrets();
  const common = { ...encryption, LOG_LEVEL: "debug" };
  const tools = { DEMO_TOOLS: "1", DEMO_COUNTER_FILE: at("counter"), TRACES_FILE: at("traces/tool") };
  await using system = await startSystem({
    stores: { nats: at("nats"), redis: at("redis") },
    env: {
      edge: { ...common, ISSUERS_FILE: at("issuers.yaml"), TRACES_FILE: at("traces/edge") },
      "agent-worker": { ...common, OPENAI_MODEL: "parley-simulated-fast", TRACES_FILE: at("traces/agent") },
      "tool-worker": { ...common, ...tools },
    },
  });
  await plant(system, secrets);
  const cli = path.join(root, "scripts/backup/main.ts");
  const run = ["--conditions=source", "--import", "tsx", cli, "backup", at("backup"), "--keys", at("keys")];
  await promisify(execFile)(process.execPath, run, { env: { ...process.env, NATS_URL: system.nats.url } });
  const processes = [...system.edges, ...system.agentWorkers, ...system.toolWorkers];
  await Promise.all(processes.map((one, i) => writeFile(at(`told/${i}`), one.output())));
  // What is searched for may be stored a moment after it was answered.
  if (Object.keys(encryption).length === 0) {
    await eventually(async () => (await foundIn(at("redis"), secrets)).length > 0, { what: "a title in Redis" });
  }
  await sleep(settleMs);
  return {
    nats: await foundIn(at("nats"), secrets),
    redis: await foundIn(at("redis"), secrets),
    backup: await foundIn(at("backup"), secrets),
    told: await foundIn(at("told"), secrets),
    traces: await foundIn(at("traces"), secrets),
  };
}

it("without encryption every planted secret is found, and none in logs and traces", async () => {
  const found = await search({});
  expect(found).toMatchObject({ nats: allWays, told: [], traces: [] });
  expect(found.redis.length).toBeGreaterThan(0);
  // Snapshots are compressed: some stand in them as they are.
  expect(found.backup.length).toBeGreaterThan(0);
}, 240_000);

it("with encryption none of them is found anywhere", async () => {
  const found = await search({ ENCRYPTION_KEY: randomBytes(32).toString("base64") });
  expect(found).toEqual({ nats: [], redis: [], backup: [], told: [], traces: [] });
}, 240_000);

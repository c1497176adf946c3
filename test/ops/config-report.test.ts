import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { checkReport, chosenServices, printReport, unknownNames } from "../../scripts/config/report.ts";

const secret = "a-secret-that-nobody-may-read-0001";
/** What `docs/operations.md` asks a `production.env` to have. */
const production = {
  NODE_ENV: "production",
  AUTH_JWT_SECRET: secret,
  NATS_URL: "nats://edge:hush@nats:4222",
  REDIS_URL: "redis://redis:6379",
  OPENAI_API_KEY: "sk-1",
};

it("names every problem of every service that was asked for", async () => {
  const env = { PORT: "x", ADMIN_PORT: "-1", SLOTS: "0" };
  const { lines, hasProblem } = await checkReport(["edge", "agent-worker"], env);
  expect(hasProblem).toBe(true);
  expect(lines.filter((line) => /PORT must be/.test(line))).toHaveLength(3);
  expect(lines.some((line) => /AUTH_JWT_SECRET is not set/.test(line))).toBe(true);
  expect(lines.some((line) => /SLOTS must be a whole number from 1/.test(line))).toBe(true);
});

it("finds nothing wrong with the production.env of the page of operations", async () => {
  expect(await checkReport(chosenServices("all"), production)).toEqual({
    lines: ["edge: valid", "agent-worker: valid", "tool-worker: valid"],
    hasProblem: false,
  });
});

it("refuses in production what only development may have", async () => {
  const env = { NODE_ENV: "production", AUTH_JWT_SECRET: "short", AUTH_DEV: "1" };
  const { lines } = await checkReport(["edge"], env);
  expect(lines.filter((line) => /in production/.test(line))).toHaveLength(2);
});

it.each(["edge", "agent-worker", "tool-worker", "model-simulator", "cluster-simulator"])(
  "takes no misspelt production for development: %s",
  async (name) => {
    const env = { ...production, NODE_ENV: "prod", KUBECONFIG_OUT: "x", AUTH_DEV: "1" };
    const { lines } = await checkReport([name], env);
    expect(lines[1]).toContain("NODE_ENV must be one of development, test, production.");
  },
);

it("names what is wrong in the files also where a setting is wrong", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "agents-"));
  const broken = { name: "general", description: 5, examples: [], system_prompt: "x", collections: ["none-such"] };
  writeFileSync(path.join(folder, "general.yaml"), JSON.stringify({ ...broken, guards: ["nor-this"] }));
  const { lines } = await checkReport(["agent-worker"], { ...production, SLOTS: "0", AGENTS_DIR: folder });
  rmSync(folder, { recursive: true });
  const text = lines.join("\n");
  for (const problem of ["SLOTS must be", "description", '"none-such"', '"nor-this"']) expect(text).toContain(problem);
});

it("names the problems of every file, not of the first one alone", async () => {
  const { lines } = await checkReport(["edge"], { ...production, LIMITS_FILE: "/nope", ISSUERS_FILE: "/neither" });
  expect(lines.filter((line) => line.endsWith("cannot be read."))).toHaveLength(2);
});

it.each([
  [
    { VAPID_PUBLIC_KEY: Buffer.alloc(65, 4).toString("base64url") },
    "edge",
    "VAPID_PUBLIC_KEY needs NOTICES=1: browsers would ask",
  ],
  [{ OPENAI_API_KEY: "" }, "agent-worker", "No language model is configured"],
  [{ OPENAI_BASE_URL: "foo", OPENAI_MODEL: "m" }, "agent-worker", "OPENAI_BASE_URL is not an http or https address."],
  [{ OPENAI_BASE_URL: "http://host/v1" }, "agent-worker", "OPENAI_MODEL is not set"],
  [{ AGENTS_DIR: "/nope" }, "agent-worker", "The folder of the agents, /nope, cannot be read."],
  [{ MODELS_FILE: "/nope" }, "agent-worker", "The file of the models, /nope, cannot be read."],
  [{ KNOWLEDGE_DIR: "/nope" }, "agent-worker", "The knowledge in /nope cannot be read."],
  [{ NATS_URL: "tls://nats", NATS_CA_FILE: "/nope" }, "edge", "NATS_CA_FILE cannot be read: /nope."],
  [{ NATS_CA_FILE: "/nope" }, "tool-worker", "NATS_CA_FILE is set, but NATS_URL does not ask for TLS"],
  [{ REDIS_URL: "rediss://redis", REDIS_KEY_FILE: "/nope" }, "agent-worker", "REDIS_CERT_FILE and REDIS_KEY_FILE"],
  [{ REDIS_CA_FILE: "/nope" }, "edge", "REDIS_CA_FILE is set, but REDIS_URL does not ask for TLS"],
  [{ KUBECONFIG: "/nope" }, "tool-worker", "The kubeconfig /nope cannot be read"],
  [{ TOOL_POLICY_FILE: "/nope" }, "tool-worker", "The file of the policy for tools, /nope, cannot be read."],
  ...["edge", "agent-worker", "tool-worker"].flatMap((name): [object, string, string][] => [
    [{ LIMITS_FILE: "/nope" }, name, "The file of the limits, /nope, cannot be read."],
    [{ FILE_STORE: "s3" }, name, "FILE_STORE=s3 needs S3_ENDPOINT"],
    [{ ENCRYPTION_KEYS_FILE: "/nope" }, name, "The file of the master keys, /nope, cannot be read."],
    [{ ENCRYPTION_KEY: "short" }, name, "ENCRYPTION_KEY must be 32 bytes"],
    [{ ENCRYPTION: "on" }, name, "ENCRYPTION is set, but there is no master key"],
    [{ ENCRYPTION_KMS_TOKEN: "t" }, name, "ENCRYPTION_KMS_TOKEN is set, but there is no master key"],
  ]),
])("says of %j what %s would say at its start", async (settings, name, sentence) => {
  const { lines, hasProblem } = await checkReport([name], { ...production, ...settings });
  expect(hasProblem).toBe(true);
  expect(lines).toEqual([`${name}:`, expect.stringContaining(`  - ${sentence}`)]);
});

it("says all that would end the process at its start, file and line", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "agents-"));
  try {
    writeFileSync(path.join(folder, "one.yaml"), "name: ONE\n");
    const env = { ...production, OPENAI_API_KEY: "", AGENTS_DIR: folder };
    const { lines } = await checkReport(["agent-worker"], env);
    expect(lines[1]).toContain("No language model is configured");
    expect(lines[2]).toBe("  - The agents cannot be used:");
    expect(lines[3]).toMatch(/^ {4}- .*one\.yaml:1: /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("prints what is in force, without secrets and passwords", async () => {
  const env = { AUTH_JWT_SECRET: secret, NATS_URL: "nats://parley:hush@one:4222,nats://token@two:4222", SHARDS: "4" };
  const text = (await printReport(["edge"], env)).lines.join("\n");
  expect(text).not.toMatch(/nobody-may-read|hush|\/\/token@/);
  expect(text).toContain("one:4222");
  expect(text).toMatch(/^SHARDS=4$/m);
  expect(text).toMatch(/^STREAM_REPLICAS=1 {2}# default$/m);
});

it("points out names that no service reads", () => {
  expect(unknownNames({ NATS_ULR: "x", NATS_URL: "x" })).toEqual(["NATS_ULR"]);
});

it("knows its services, and takes a simulator only when it is named", () => {
  expect(chosenServices()).toEqual(["edge", "agent-worker", "tool-worker"]);
  expect(chosenServices("cluster-simulator")).toEqual(["cluster-simulator"]);
  expect(() => chosenServices("egde")).toThrow(/There is no service "egde"/);
});

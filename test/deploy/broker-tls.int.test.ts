import { copyFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { connectRedis, openBus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import {
  eventually,
  freePort,
  startNats,
  startRedis,
  startSystem,
  tempDir,
  type Broker,
  type Service,
  type TempDir,
} from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { devToken, person } from "../e2e/person.ts";
import { createAuthority, type Authority } from "./certificates.ts";

type Files = NonNullable<Parameters<typeof connectRedis>[0]["tls"]>;
type Certificate = Awaited<ReturnType<Authority["issue"]>>;

let folder: TempDir;
let ours: Authority;
let others: Authority;
let good: Certificate;
let process: Certificate;
let stranger: Certificate;

beforeAll(async () => {
  folder = await tempDir();
  ours = await createAuthority(folder.path, "ours");
  others = await createAuthority(folder.path, "others");
  good = await ours.issue("good");
  process = await ours.issue("process");
  stranger = await others.issue("stranger");
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Served {
  readonly certificate: Certificate;
  /** Whether clients must have a certificate, too. */
  readonly isMutual?: boolean;
}

/** A server with TLS: where, and the process itself. */
interface SecureServer extends AsyncDisposable {
  readonly host: string;
  readonly broker: Broker;
}

async function startSecureNats({ certificate, isMutual = false }: Served): Promise<SecureServer> {
  const { certFile, keyFile } = certificate;
  const text = (file: string): string => JSON.stringify(file);
  const tls = `cert_file: ${text(certFile)}, key_file: ${text(keyFile)}, ca_file: ${text(ours.caFile)}, verify: ${isMutual}`;
  const config = path.join(folder.path, `nats-${await freePort()}.conf`);
  await writeFile(config, `tls { ${tls} }\n`);
  const broker = await startNats({ args: ["-c", config] });
  return { host: `127.0.0.1:${broker.port}`, broker, [Symbol.asyncDispose]: broker[Symbol.asyncDispose] };
}

async function startSecureRedis({ certificate, isMutual = false }: Served): Promise<SecureServer> {
  const port = await freePort();
  const { certFile, keyFile } = certificate;
  const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", ours.caFile];
  const args = ["--tls-port", String(port), ...files, "--tls-auth-clients", isMutual ? "yes" : "no"];
  // It listens without TLS as well, so that the test kit sees that it is ready.
  const broker = await startRedis({ persist: false, args });
  return { host: `127.0.0.1:${port}`, broker, [Symbol.asyncDispose]: broker[Symbol.asyncDispose] };
}

/** Uses the connection, and says why it cannot: what the process would end with, or log. */
async function natsOutcome(url: string, tls: Files): Promise<string> {
  try {
    const bus = await openBus({ servers: url, tls, name: "test", log: createLogger({ ...silent }) });
    const { lastSeq } = await bus.events.state(0);
    await bus.close();
    return `works, ${lastSeq}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const silent = { service: "test", level: "silent", format: "json" } as const;

function listeningLog(): { log: ReturnType<typeof createLogger>; reasons: string[] } {
  const reasons: string[] = [];
  const destination = {
    write: (line: string) => {
      const { reason } = JSON.parse(line);
      if (reason !== undefined) reasons.push(reason);
    },
  };
  return { log: createLogger({ service: "test", level: "info", format: "json", destination }), reasons };
}

async function redisOutcome(url: string, tls: Files): Promise<string> {
  const { log, reasons } = listeningLog();
  const redis = connectRedis({ url, tls, role: "cache", log });
  try {
    await eventually(() => redis.status === "ready" || reasons.length > 0, { what: "a word", timeoutMs: 15_000 });
    return reasons[0] ?? `works, ${await redis.dbsize()}`;
  } finally {
    redis.disconnect();
  }
}

const brokers = [
  {
    ...{ name: "NATS", setting: "NATS", plain: "nats", secured: "tls" },
    ...{ startSecure: startSecureNats, startPlain: () => startNats(), outcome: natsOutcome },
  },
  {
    ...{ name: "Redis", setting: "REDIS", plain: "redis", secured: "rediss" },
    ...{ startSecure: startSecureRedis, startPlain: () => startRedis({ persist: false }), outcome: redisOutcome },
  },
];

describe.each(brokers)("$name with TLS", ({ name, setting, plain, secured, startSecure, startPlain, outcome }) => {
  const trusting = (): Files => ({ caFile: ours.caFile });
  const certificate = `The certificate of ${name}`;

  it("works with an authority of one's own, and is asked for nothing else", async () => {
    await using server = await startSecure({ certificate: good });
    expect(await outcome(`${secured}://${server.host}`, trusting())).toBe("works, 0");
    expect(await outcome(`${secured}://${server.host}`, {})).toBe(
      `${certificate} is signed by an authority that is not known here: name that authority's certificate in ${setting}_CA_FILE.`,
    );
    expect(await outcome(`${plain}://${server.host}`, {})).toBe(
      `${name} speaks only TLS at the address in ${setting}_URL: write ${secured}://, and see ${setting}_CA_FILE.`,
    );
  });

  it("says that a certificate has expired", async () => {
    await using server = await startSecure({ certificate: await ours.issue("expired", { hasExpired: true }) });
    expect(await outcome(`${secured}://${server.host}`, trusting())).toBe(`${certificate} has expired: renew it.`);
  });

  it("says that a certificate is for another host", async () => {
    await using server = await startSecure({ certificate: await ours.issue("elsewhere", { host: "elsewhere.test" }) });
    expect(await outcome(`${secured}://${server.host}`, trusting())).toMatch(
      new RegExp(`^${certificate} is for another host than ${setting}_URL names: .*127\\.0\\.0\\.1`),
    );
  });

  it("says that the server has no TLS, and sends it no password", async () => {
    await using server = await startPlain();
    expect(await outcome(`${secured}://user:hush@127.0.0.1:${server.port}`, trusting())).toBe(
      `${name} does not speak TLS at the address in ${setting}_URL: give the server a certificate, or write ${plain}://.`,
    );
  });

  it("takes certificates from both sides, and says what is missing", async () => {
    await using server = await startSecure({ certificate: good, isMutual: true });
    const url = `${secured}://${server.host}`;
    expect(await outcome(url, { ...trusting(), ...process })).toBe("works, 0");
    expect(await outcome(url, trusting())).toBe(
      `${name} asks this process for a certificate: name it in ${setting}_CERT_FILE and ${setting}_KEY_FILE.`,
    );
    expect(await outcome(url, { ...trusting(), ...stranger })).toBe(
      `${name} does not accept the certificate in ${setting}_CERT_FILE.`,
    );
  });
});

/** Connected with files that go bad and are renewed while the server is away: whether it is found again with those of then. */
async function surviveRenewal(isUp: () => boolean, broker: Broker, files: { from: Certificate; to: Certificate }) {
  await eventually(isUp, { what: "the connection" });
  await broker.kill();
  await eventually(() => !isUp(), { what: "the loss" });
  await copyFile(files.from.certFile, files.to.certFile);
  await copyFile(files.from.keyFile, files.to.keyFile);
  await broker.restart();
}

describe("a certificate that is renewed while a process runs", () => {
  /** Those of a stranger, which the server refuses, take the place of good ones. */
  const renewed = async (name: string): Promise<Certificate> => ours.issue(name);

  it("counts from the next connection to NATS on", async () => {
    await using server = await startSecureNats({ certificate: good, isMutual: true });
    const own = await renewed("nats-client");
    const { log } = listeningLog();
    const servers = `tls://${server.host}`;
    const bus = await openBus({ servers, tls: { caFile: ours.caFile, ...own }, name: "test", log });
    await surviveRenewal(() => bus.connected(), server.broker, { from: stranger, to: own });
    await eventually(() => /TLS handshake error: .*client/.test(server.broker.output()), { what: "a refusal" });
    await copyFile(process.certFile, own.certFile);
    await copyFile(process.keyFile, own.keyFile);
    await eventually(() => bus.connected(), { what: "the connection again", timeoutMs: 15_000 });
    await bus.close();
  });

  it("counts from the next connection to Redis on", async () => {
    await using server = await startSecureRedis({ certificate: good, isMutual: true });
    const own = await renewed("redis-client");
    const { log } = listeningLog();
    const tls = { caFile: ours.caFile, ...own };
    const redis = connectRedis({ url: `rediss://${server.host}`, tls, role: "worker", log });
    const isUp = (): boolean => redis.status === "ready";
    await surviveRenewal(isUp, server.broker, { from: stranger, to: own });
    let refusals = 0;
    redis.on("error", () => void refusals++);
    await eventually(() => refusals > 0, { what: "a refusal", timeoutMs: 10_000 });
    expect(isUp()).toBe(false);
    await copyFile(process.certFile, own.certFile);
    await copyFile(process.keyFile, own.keyFile);
    await eventually(isUp, { what: "the connection again", timeoutMs: 10_000 });
    redis.disconnect();
  });
});

it("all of Parley speaks TLS to both, with certificates on both sides", { timeout: 60_000 }, async () => {
  const served = { certificate: good, isMutual: true };
  await using nats = await startSecureNats(served);
  await using redis = await startSecureRedis(served);
  const { certFile, keyFile } = process;
  const env = {
    ...{ NATS_URL: `tls://${nats.host}`, NATS_CA_FILE: ours.caFile, NATS_CERT_FILE: certFile, NATS_KEY_FILE: keyFile },
    ...{ REDIS_URL: `rediss://${redis.host}`, REDIS_CA_FILE: ours.caFile },
    ...{ REDIS_CERT_FILE: certFile, REDIS_KEY_FILE: keyFile },
  };
  await using system = await startSystem({ env: { edge: env, "agent-worker": env, "tool-worker": env } });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send("list all pods");
  expect(await chat.untilEnd(turn_id)).toMatchObject({ type: "complete", tool_calls: [{ status: "completed" }] });
  await eventually(async () => JSON.stringify(await conversationsOf(system.edges[0]!)).includes(chat.id), {
    what: "the conversation in the list, which is in Redis",
  });
});

async function conversationsOf(edge: Service): Promise<unknown> {
  const headers = { authorization: `Bearer ${await devToken(edge, "anna")}` };
  return (await fetch(`http://127.0.0.1:${edge.port}/api/v1/conversations`, { headers })).json();
}

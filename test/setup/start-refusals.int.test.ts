import { execFile } from "node:child_process";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { freePort, startNats, tempDir } from "@parley/testkit";

const repository = fileURLToPath(new URL("../..", import.meta.url));

type Outcome = { code: number | null; stderr: string };

/** Runs `npm start` to its end, with data of its own. */
async function start(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  await using folder = await tempDir();
  const { PATH = "", HOME = "" } = process.env;
  const PORT = String(await freePort());
  const fullEnv = { PATH, HOME, PORT, PARLEY_DATA_DIR: folder.path, ...env };
  return await new Promise((resolve) => {
    const script = path.join(repository, "scripts", "start.mjs");
    const child = execFile(process.execPath, [script, ...args], { env: fullEnv }, (_error, _stdout, stderr) => {
      resolve({ code: child.exitCode, stderr });
    });
  });
}

async function listening(answer: string): Promise<Server & AsyncDisposable & { port: number }> {
  const server = createServer((socket) =>
    socket
      .on("error", () => {})
      .resume()
      .end(answer),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return Object.assign(server, {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  });
}

test.each([
  [["--edgs", "2"], "Unknown option '--edgs': `npm start -- --help` lists the options."],
  [["--edges", "0"], "--edges must be a whole number from 1 to 32."],
  [
    ["--only", "edgy"],
    '--only does not know "edgy": it takes model-simulator, cluster-simulator, tool-worker, agent-worker, edge.',
  ],
])("refuses %j with one sentence", async (args, sentence) => {
  expect(await start(args)).toEqual({ code: 1, stderr: `${sentence}\n` });
});

test("refuses a PORT that is not a port", async () => {
  expect(await start([], { PORT: "http" })).toEqual({
    code: 1,
    stderr: "PORT must be a whole number from 1 to 65535.\n",
  });
});

test("names all settings that are wrong at once, and the services that read them", async () => {
  const env = { PORT: "0x50", MAX_STEPS: "x", NODE_ENV: "prod" };
  const all = "model-simulator, cluster-simulator, tool-worker, agent-worker, edge".split(", ");
  const { code, stderr } = await start([], env);
  const [port, ...others] = stderr.trimEnd().split("\n");
  expect([code, port]).toEqual([1, "PORT must be a whole number from 1 to 65535."]);
  expect(others.find((line) => line.startsWith("MAX_STEPS must be a whole number"))).toMatch(/ \(agent-worker\)$/);
  const nodeEnv = others.find((line) => line.startsWith("NODE_ENV must be one of development, test, production."));
  for (const service of all) expect(nodeEnv).toContain(service);
  expect(others).toHaveLength(2);
});

test("says what to do about a port that is in use", async () => {
  await using other = await listening("");
  const { port } = other;
  const sentence = `Port ${port} is in use by another program: stop that, or take another port: PORT=${port + 10} npm start.\n`;
  expect(await start([], { PORT: String(port) })).toEqual({ code: 1, stderr: sentence });
});

test("refuses a NATS_URL where nobody answers, instead of starting a private one", async () => {
  const url = `nats://127.0.0.1:${await freePort()}`;
  const sentence = `NATS at ${url} (NATS_URL) does not answer: start it, correct NATS_URL, or unset it to get a private one.\n`;
  expect(await start([], { NATS_URL: url })).toEqual({ code: 1, stderr: sentence });
});

test("refuses a REDIS_URL where something else answers, and does not show its password", async () => {
  await using nats = await startNats();
  await using web = await listening("HTTP/1.1 400 Bad Request\r\n\r\n");
  const REDIS_URL = `redis://:swordfish@127.0.0.1:${web.port}`;
  const shown = `redis://127.0.0.1:${web.port}`;
  const sentence = `Redis at ${shown} (REDIS_URL) is not a Redis server: start it, correct REDIS_URL, or unset it to get a private one.\n`;
  expect(await start([], { NATS_URL: nats.url, REDIS_URL })).toEqual({ code: 1, stderr: sentence });
});

test.each([
  ["20.19.0", true],
  ["20.18.3", false],
  ["18.20.8", false],
  ["21.7.3", false],
  ["22.12.0", true],
  ["22.11.0", false],
  ["23.11.0", false],
  ["24.0.0", true],
  ["26.1.0", true],
])("takes Node %s: %j, as package.json does", async (version, isTaken) => {
  const script = `
    const { default: semver } = await import("semver");
    const { checkNodeVersion } = await import("./scripts/setup/node-version.mjs");
    const { engines } = JSON.parse(require("node:fs").readFileSync("package.json", "utf8"));
    if (semver.satisfies("${version}", engines.node)) console.log("allowed by package.json");
    try { checkNodeVersion("${version}"); } catch (error) { console.log(error.message); }
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", `(async () => {${script}})()`], {
    cwd: repository,
  });
  const refusal = /^Parley needs Node 20\.19, 22\.12 or 24 .* this is Node \d+\.\d+\.\d+: install .+\.\n$/;
  expect(stdout).toMatch(isTaken ? /^allowed by package\.json\n$/ : refusal);
});

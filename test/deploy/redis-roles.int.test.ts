import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { connectRedis } from "@parley/bus";
import { redisKeys, sharedKeyPrefixes, toolCatalogueKey, toolQueueName } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, freePort, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const log = createLogger({ service: "test", level: "silent", format: "json" });

const roles = ["edge", "agent", "tool", "scaler"] as const;
type Role = (typeof roles)[number];
type User = Role | "operator";

const variables = Object.fromEntries(
  [...roles, "operator"].map((role) => [`REDIS_${role.toUpperCase()}_PASSWORD`, `password-of-${role}`]),
);

/** `deploy/redis/start.sh` in the place of the image's command, with the redis-server of this machine. */
async function startWithRoles(env: Record<string, string>, { isInImage = true } = {}) {
  const folder = await tempDir();
  // The image's own, which changes to the user redis.
  const entrypoint = path.join(folder.path, "docker-entrypoint.sh");
  if (isInImage) await writeFile(entrypoint, '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
  const port = await freePort();
  const { PATH = "" } = process.env;
  const args = [path.join(root, "deploy/redis/start.sh"), "--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  const server = spawn("sh", args, { cwd: folder.path, env: { PATH: `${folder.path}:${PATH}`, ...env } });
  let output = "";
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding("utf8").on("data", (text) => (output += text));
  const exited = once(server, "exit");
  await eventually(() => /Ready to accept|not started/.test(output), { what: "Redis" });
  return {
    port,
    pid: server.pid ?? 0,
    exited,
    output: () => output,
    async [Symbol.asyncDispose]() {
      server.kill("SIGKILL");
      await exited;
      await folder[Symbol.asyncDispose]();
    },
  };
}

let server: Awaited<ReturnType<typeof startWithRoles>>;
const connections = new Map<User, ReturnType<typeof connectRedis>>();

beforeAll(async () => {
  server = await startWithRoles(variables);
  for (const user of [...roles, "operator"] as const) {
    // Not the client's own sign-in: it would ask for INFO, which one of them may not.
    const url = `redis://:password-of-operator@127.0.0.1:${server.port}`;
    const connection = connectRedis({ url, role: "worker", log });
    if (user !== "operator") await connection.call("auth", user, `password-of-${user}`);
    connections.set(user, connection);
  }
});
afterAll(async () => {
  for (const connection of connections.values()) connection.disconnect();
  await server[Symbol.asyncDispose]();
});

/** Whether Redis lets the user give that command; whatever else it says to it. */
async function isAllowed(user: User, command: string, ...args: string[]): Promise<boolean> {
  try {
    await connections.get(user)?.call(command, ...args);
  } catch (error) {
    // The second is what Redis 7.0 says of a command in a script.
    if (error instanceof Error && /^NOPERM|executing the script can't/.test(error.message)) return false;
  }
  return true;
}

const { limits, sessions, tickets, connections: accounts, blocks } = sharedKeyPrefixes;
const keys = {
  unbroken: redisKeys.conversationsUnbroken,
  list: `${redisKeys.conversationsOf("YW5uYQ")}:titles`,
  listTimes: redisKeys.conversationsOf("YW5uYQ"),
  offer: redisKeys.offer,
  knowledge: redisKeys.knowledge,
  knowledgeText: redisKeys.knowledgeText("0f"),
  queue: `bull:${toolQueueName}:1`,
  waiting: `bull:${toolQueueName}:wait`,
  ranked: `bull:${toolQueueName}:prioritized`,
  otherQueue: "bull:others:1",
  catalogue: toolCatalogueKey,
  limit: `${limits}ann`,
  session: `${sessions}s1`,
  ticket: `${tickets}t1`,
  connection: `${accounts}c1`,
  block: `${blocks}1.2.3.4`,
  elsewhere: "anything",
} as const;
type Kind = keyof typeof keys;

const mayWrite: Record<Role, readonly Kind[]> = {
  edge: [
    "unbroken",
    "list",
    "listTimes",
    "queue",
    "waiting",
    "ranked",
    "limit",
    "session",
    "ticket",
    "connection",
    "block",
  ],
  agent: ["queue", "waiting", "ranked", "limit", "listTimes", "offer", "knowledge", "knowledgeText"],
  tool: ["queue", "waiting", "ranked", "catalogue", "offer"],
  scaler: [],
};
const mayRead: Record<Role, readonly Kind[]> = {
  edge: [...mayWrite.edge, "catalogue", "offer", "knowledge", "knowledgeText"],
  agent: [...mayWrite.agent, "catalogue"],
  tool: mayWrite.tool,
  scaler: ["waiting", "ranked"],
};

it.each(roles)("lets %s write and read its own keys, and no others, also by a script", async (role) => {
  const [read, name] = role === "scaler" ? ["llen", "type"] : ["get", "exists"];
  for (const [kind, key] of Object.entries(keys)) {
    const isIn = (list: readonly Kind[]): boolean => list.some((one) => one === kind);
    const says = {
      read: await isAllowed(role, read, key),
      look: await isAllowed(role, name, key),
      write: await isAllowed(role, "set", key, "x"),
      script: await isAllowed(role, "eval", "return redis.call('set', ARGV[1], 'x')", "0", key),
    };
    const canRead = isIn(mayRead[role]);
    const canWrite = isIn(mayWrite[role]);
    expect([kind, says]).toEqual([kind, { read: canRead, look: canRead, write: canWrite, script: canWrite }]);
    await connections.get("operator")?.del(key);
  }
});

it.each(roles)("lets %s do nothing to the server, or to what others keep there", async (role) => {
  const forbidden = [
    ["flushall"],
    ["flushdb"],
    ["keys", "*"],
    ["scan", "0"],
    ["randomkey"],
    ["dbsize"],
    ["config", "get", "*"],
    ["acl", "list"],
    ["client", "list"],
    ["client", "kill", "id", "99999"],
    ["monitor"],
    ["save"],
    ["replicaof", "no", "one"],
    ["shutdown", "nosave"],
    ["publish", "news", "x"],
    ["script", "flush"],
    ["function", "load", "#!lua name=x\nredis.register_function('f', function() end)"],
    ["rename", keys.queue, keys.elsewhere],
    ["swapdb", "0", "1"],
    ["migrate", "127.0.0.1", "1", "x", "0", "10"],
  ];
  const allowed = [];
  for (const [command = "", ...args] of forbidden) if (await isAllowed(role, command, ...args)) allowed.push(command);
  expect(allowed).toEqual([]);
});

it("lets only tool workers wait at Redis", async () => {
  const answers = await Promise.all(roles.map((role) => isAllowed(role, "bzpopmin", keys.queue, "0.01")));
  expect(answers).toEqual([false, false, true, false]);
});

it("lets people do everything, and nobody in without a password", async () => {
  expect(await isAllowed("operator", "config", "get", "port")).toBe(true);
  const nobody = connectRedis({ url: `redis://127.0.0.1:${server.port}`, role: "worker", log });
  // In this state it still asks INFO.
  await expect(nobody.call("get", keys.limit)).rejects.toThrow(/NOAUTH/);
  nobody.disconnect();
});

it("tells once what a user may not, as of a Redis with the users of another version", async () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const told = createLogger({ service: "test", level: "info", format: "json", destination });
  const url = `redis://tool:password-of-tool@127.0.0.1:${server.port}`;
  const redis = connectRedis({ url, role: "worker", log: told });
  await expect(redis.get(keys.block)).rejects.toThrow(/NOPERM/);
  await expect(redis.multi().set(keys.limit, "x").exec()).rejects.toThrow(/EXECABORT/);
  redis.disconnect();
  const refused = lines.filter((line) => line.includes("Redis refuses what this process needs"));
  expect(refused).toEqual([expect.stringContaining("lacks a right: give Redis the users of this version")]);
});

it("starts outside of its image, too", async () => {
  await using plain = await startWithRoles(variables, { isInImage: false });
  expect(plain.output()).toContain("Ready to accept");
});

it("keeps the passwords out of the process that runs, and out of its configuration", async () => {
  const seen = await Promise.all(["cmdline", "environ"].map((name) => readFile(`/proc/${server.pid}/${name}`, "utf8")));
  const users = JSON.stringify(await connections.get("operator")?.call("acl", "list"));
  expect(seen.join("\n") + users).not.toContain("password-of-");
});

it("does not start without a password for each user, and names those that are missing", async () => {
  await using other = await startWithRoles({ ...variables, REDIS_TOOL_PASSWORD: "", REDIS_OPERATOR_PASSWORD: "" });
  expect(other.output().trim()).toBe(
    "Redis is not started: these passwords are not set or empty: REDIS_TOOL_PASSWORD REDIS_OPERATOR_PASSWORD.",
  );
  expect(await other.exited).toEqual([1, null]);
});

it("lets whoever names no user do everything when it is open, as for development", async () => {
  await using open = await startWithRoles({ ...variables, REDIS_OPERATOR_PASSWORD: "", OPEN: "1" });
  const nobody = connectRedis({ url: `redis://127.0.0.1:${open.port}`, role: "worker", log });
  expect(await nobody.set("anything", "x")).toBe("OK");
  nobody.disconnect();
});

it("users.acl is what deploy/redis/render.mjs writes", async () => {
  const command = ["--import", "tsx", "--conditions=source", "deploy/redis/render.mjs"];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root });
  expect(await readFile(path.join(root, "deploy/redis/users.acl"), "utf8")).toBe(stdout);
});

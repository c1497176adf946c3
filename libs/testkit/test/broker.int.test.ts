import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { eventually, startNats, startRedis, tempDir } from "@parley/testkit";

/** Sends one line to Redis and returns the first answer. */
function ask(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", reject);
    socket.once("data", (bytes) => {
      socket.destroy();
      resolve(bytes.toString());
    });
    socket.write(`${line}\r\n`);
  });
}

test("keeps port and data of Redis over kill -9 and restart", async () => {
  await using redis = await startRedis();
  expect(await ask(redis.port, "SET answer 42")).toBe("+OK\r\n");
  const before = redis.pid;
  expect(await redis.kill()).toEqual({ code: null, signal: "SIGKILL" });
  expect(redis.isRunning()).toBe(false);
  await redis.restart();
  expect(redis.pid).not.toBe(before);
  expect(await ask(redis.port, "GET answer")).toContain("42");
});

test("forgets the data of a Redis that does not persist", async () => {
  await using redis = await startRedis({ persist: false });
  await ask(redis.port, "SET answer 42");
  await redis.restart();
  expect(await ask(redis.port, "GET answer")).toBe("$-1\r\n");
});

test("a frozen Redis answers only once it is thawed", async () => {
  await using redis = await startRedis();
  redis.freeze();
  let answer: string | undefined;
  const asked = ask(redis.port, "PING").then((text) => (answer = text));
  // The system says that it is stopped: no wait is needed to know that it cannot have answered.
  await eventually(() => isStopped(redis.pid), { what: "Redis stopped" });
  expect(answer).toBeUndefined();
  redis.thaw();
  expect(await asked).toBe("+PONG\r\n");
});

function isStopped(pid: number): boolean {
  return execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).startsWith("T");
}

test("starts NATS with JetStream data in the folder that it is given", async () => {
  await using folder = await tempDir();
  {
    await using nats = await startNats({ dir: folder.path });
    expect(nats.url).toBe(`nats://127.0.0.1:${nats.port}`);
    expect(await readdir(folder.path)).toContain("jetstream");
    await nats.restart();
    expect(nats.isRunning()).toBe(true);
  }
  expect(existsSync(folder.path)).toBe(true);
});

test("says what the server wrote when it does not start", async () => {
  await expect(startNats({ args: ["-c", "/no/such/file"] })).rejects.toThrow(
    /ended \(exit code 1\) before it was ready:\n.+/,
  );
});

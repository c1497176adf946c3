import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { openBus } from "@parley/bus";
import { signedIn, eventually, freePort, startTcpProxy, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { startCanary } from "../src/canary.ts";
import { readPages } from "../src/transport/pages.ts";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { connectClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  await using folder = await tempDir();
  await writeFile(path.join(folder.path, "test.html"), "<!doctype html>");
  await writeFile(path.join(folder.path, "test.js"), 'import { turn } from "@parley/protocol/fold";');
  await writeFile(path.join(folder.path, "notes.txt"), "private");
  const build = path.join(folder.path, "build");
  await mkdir(build);
  await writeFile(path.join(build, "fold.js"), 'export {\n  turn,\n} from "./messages.js";');
  await writeFile(path.join(build, "messages.js"), "export const turn = 1;");
  await writeFile(path.join(build, "codec.js"), "export {};");
  const pages = await readPages(folder.path, pathToFileURL(path.join(build, "fold.js")).href);
  await rm(path.join(folder.path, "test.html"));
  edge = await world.addEdge({ pages, allowedOrigins: ["https://chat.example.org"] });
});
afterAll(() => world[Symbol.asyncDispose]());

function urlOf(path: string, of: EdgeUnderTest = edge): string {
  return `http://127.0.0.1:${of.port}${path}`;
}

/** The HTTP status with which an upgrade is refused. */
function refusal(url: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers });
    socket.once("unexpected-response", (_request, response) => {
      resolve(response.statusCode);
      socket.terminate();
    });
    socket.once("open", () => reject(new Error("it was accepted")));
    socket.on("error", () => {
      // `terminate` before the socket is open reports one.
    });
  });
}

describe("the HTTP side", () => {
  it("says how it is", async () => {
    const response = await fetch(urlOf("/health"));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: "ok",
      nats: "connected",
      tool_workers: "unknown",
      version: "0.0.0-test",
    });
  });

  it("serves the test page and what belongs to it, and nothing else of the folder", async () => {
    const page = await fetch(urlOf("/ws/test"));
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect((await fetch(urlOf("/ws/test/test.js"))).headers.get("content-type")).toContain("javascript");
    expect((await fetch(urlOf("/ws/test/notes.txt"))).status).toBe(404);
    // The fold of the protocol, and what it imports, but nothing else that lies beside it.
    expect(await (await fetch(urlOf("/ws/test/test.js"))).text()).toBe('import { turn } from "./protocol/fold.js";');
    expect(await (await fetch(urlOf("/ws/test/protocol/messages.js"))).text()).toBe("export const turn = 1;");
    expect((await fetch(urlOf("/ws/test/protocol/codec.js"))).status).toBe(404);
    expect((await fetch(urlOf("/ws/test/../config.ts"))).status).toBe(404);
  });

  it("answers what it does not know with the error of every endpoint", async () => {
    const response = await fetch(urlOf("/nothing"), { method: "DELETE" });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: "There is nothing at DELETE /nothing.",
      code: "NOT_FOUND",
      retryable: false,
    });
  });

  it("gives out development tokens that work", async () => {
    const response = await fetch(urlOf("/api/v1/auth/dev-token"), {
      method: "POST",
      body: JSON.stringify({ sub: "dev", name: "Dev", expires_in_s: 60 }),
    });
    const { token, user } = (await response.json()) as { token: string; user: unknown };
    expect(user).toEqual({ id: "dev", name: "Dev" });
    const client = await connectClient(`${edge.url}?token=${token}`);
    expect(await client.next("auth_success")).toMatchObject({ user: { id: "dev" } });
    client.close();
  });

  it.each([
    ["not JSON", "{"],
    ["not a wish", '{"sub":1}'],
  ])("refuses a wish for a token that is %s", async (_what, body) => {
    expect((await fetch(urlOf("/api/v1/auth/dev-token"), { method: "POST", body })).status).toBe(400);
  });

  it("refuses a body that is too large", async () => {
    const body = JSON.stringify({ name: "x".repeat(100_000) });
    expect((await fetch(urlOf("/api/v1/auth/dev-token"), { method: "POST", body })).status).toBe(413);
  });

  it("has no development tokens outside of development", async () => {
    const strict = await world.addEdge({ isDevelopment: false });
    expect((await fetch(urlOf("/api/v1/auth/dev-token", strict), { method: "POST", body: "{}" })).status).toBe(404);
  });
});

describe("an upgrade", () => {
  it("is refused to pages of foreign origins, and granted to our own and those that are allowed", async () => {
    const strict = await world.addEdge({ isDevelopment: false, allowedOrigins: ["https://chat.example.org"] });
    expect(await refusal(strict.url, { origin: "https://evil.example" })).toBe(403);
    expect(await refusal(strict.url, { origin: "http://localhost:1" })).toBe(403);
    for (const origin of ["https://chat.example.org", `http://127.0.0.1:${strict.port}`]) {
      (await connectClient(strict.url, { origin })).close();
    }
    (await connectClient(edge.url, { origin: "http://localhost:1" })).close();
  });

  it("is refused when there are too many sockets", async () => {
    const small = await world.addEdge({ maxConnections: 1 });
    const client = await connectClient(small.url);
    expect(await refusal(small.url)).toBe(503);
    client.close();
    await client.closed;
    const next = await eventually(() => connectClient(small.url), { what: "a free place" });
    next.close();
  });
});

describe("a port", () => {
  it("that is taken is a sentence for whoever starts the process", async () => {
    const listen = { host: "127.0.0.1", port: edge.port, isShared: false };
    await expect(world.addEdge({ listen })).rejects.toThrow(`Port ${edge.port} is in use: set PORT`);
    const sharing = world.addEdge({ listen: { ...listen, isShared: true } });
    await expect(sharing).rejects.toThrow("by a process that does not share it: start that one with REUSE_PORT=1 too");
  });

  it("can be shared by several edges that want to", async () => {
    const listen = { host: "127.0.0.1", port: await freePort(), isShared: true };
    const [one, other] = [await world.addEdge({ listen }), await world.addEdge({ listen })];
    expect(other.port).toBe(one.port);
  });
});

describe("an edge that stops", () => {
  it("tells everybody to come back later, and closes", async () => {
    const stopping = await world.addEdge();
    const clients = await Promise.all(Array.from({ length: 30 }, () => world.connect(stopping)));
    await stopping.stop();
    const goodbyes = await Promise.all(clients.map((client) => client.next("going_away")));
    expect(new Set(goodbyes.map(({ reconnect_after_ms }) => reconnect_after_ms)).size).toBeGreaterThan(10);
    expect(new Set(await Promise.all(clients.map(({ closed }) => closed)))).toEqual(new Set([4001]));
    expect(stopping.problems()).toContain("This process is shutting down.");
  });
});

describe("the canary", () => {
  it("dies when the broker delivers nothing, and lives again when it does", async () => {
    await using proxy = await startTcpProxy({ targets: [world.nats.port] });
    const bus = await openBus({ servers: signedIn(`nats://127.0.0.1:${proxy.port}`, "edge"), name: "canary", log });
    const canary = startCanary({ nc: bus.nc, log, everyMs: 20, patienceMs: 300 });
    expect(canary.isAlive()).toBe(true);
    proxy.stall();
    await eventually(() => !canary.isAlive(), { what: "the canary's death" });
    expect(bus.connected()).toBe(true);
    proxy.heal();
    await eventually(() => canary.isAlive(), { what: "the canary's return" });
    canary.stop();
    await bus.close();
  });
});

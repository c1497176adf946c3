import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { connectClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge({ maxConnections: 10 });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Connections that say nothing; those that the edge has closed are not among `open`. */
async function silent(count: number): Promise<{ readonly open: ReadonlySet<Socket> }> {
  const open = new Set<Socket>();
  for (let i = 0; i < count; i++) {
    const socket = connect(edge.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.once("close", () => open.delete(socket));
    open.add(socket);
    await once(socket, "connect");
  }
  return { open };
}

it("closes connections that never ask for anything before they use up the process's files, and those who talk go on", async () => {
  const client = await world.connect(edge);
  const { open } = await silent(300);
  await eventually(() => open.size <= 138, { what: "the surplus is closed" });
  expect(open.size).toBeGreaterThan(100);
  expect(await metricOf(edge, "parley_edge_refused_upgrades_total")).toBeGreaterThan(150);
  client.send({ type: "ping" });
  await client.next("pong");
  for (const socket of open) socket.destroy();
  await eventually(async () => (await ask(edge, "GET", "/health").catch(() => undefined))?.status === 200, {
    what: "requests are answered again",
  });
});

it("forgets sockets that have closed", async () => {
  const openAndClose = async (): Promise<void> => {
    const client = await connectClient(edge.url);
    client.close();
    await client.closed;
  };
  for (let i = 0; i < 32; i++) await Promise.all(Array.from({ length: 5 }, openAndClose));
  expect((await ask(edge, "GET", "/health")).status).toBe(200);
});

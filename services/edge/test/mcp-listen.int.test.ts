import { afterAll, beforeAll, expect, it } from "vitest";
import { createLimitedWorld, refusalsBy, type LimitedWorld } from "./support/limited-world.ts";
import type { EdgeUnderTest } from "./support/edge-fixture.ts";
import { request } from "./support/http-client.ts";

let world: LimitedWorld;
beforeAll(async () => void (world = await createLimitedWorld()));
afterAll(() => world[Symbol.asyncDispose]());

const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
const headers = {
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "subscriptions/listen",
};

/** A client that listens; its first bytes have come. */
async function listen(edge: EdgeUnderTest, user: string) {
  const leaving = new AbortController();
  const params = { notifications: { toolsListChanged: true }, _meta: meta };
  const body = { jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params };
  const response = await request(edge, "POST", "/mcp", { user, headers, body, signal: leaving.signal });
  const reader = response.body?.getReader();
  const next = async (): Promise<string | undefined> => {
    const read = await reader?.read();
    return read?.value === undefined ? undefined : Buffer.from(read.value).toString();
  };
  return { status: response.status, first: await next(), next, leave: () => leaving.abort() };
}
const refusal = { status: 429, first: expect.stringContaining('"retry_after_ms":10000') };

it("of one user few listen, and nobody else is kept from it; one that leaves makes room", async () => {
  const edge = await world.limited({});
  const open = [];
  for (let i = 0; i < 4; i++) open.push(await listen(edge, "ann"));
  for (const { status, first } of open) {
    expect(status).toBe(200);
    expect(first).toContain("notifications/subscriptions/acknowledged");
  }
  expect(await listen(edge, "ann")).toMatchObject(refusal);
  expect(await listen(edge, "berta")).toMatchObject({ status: 200 });
  expect(edge.sockets()).toBe(5);
  open[0]?.leave();
  await expect.poll(() => edge.sockets()).toBe(4);
  expect(await listen(edge, "ann")).toMatchObject({ status: 200 });
});

it("they count as sockets of their user and of the process", async () => {
  const few = await world.limited({ sockets_per_user: 1 });
  expect(await listen(few, "carla")).toMatchObject({ status: 200 });
  expect(await listen(few, "carla")).toMatchObject(refusal);
  expect(await refusalsBy(few, "sockets_per_user")).toBe(1);
  const small = await world.limited({}, { maxConnections: 2 });
  expect(await listen(small, "dora")).toMatchObject({ status: 200 });
  expect(await listen(small, "emma")).toMatchObject({ status: 200 });
  expect((await listen(small, "fritz")).status).toBe(503);
});

it("they end when the edge leaves", async () => {
  const edge = await world.limited({});
  const listening = await listen(edge, "gerd");
  await edge.drain();
  expect(await listening.next()).toBeUndefined();
  expect(edge.sockets()).toBe(0);
});

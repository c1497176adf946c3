import { writeFile } from "node:fs/promises";
import path from "node:path";
import { openLimits, sleep } from "@parley/runtime";
import { eventually, tempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { log } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { attempt, createLimitedWorld, refusalsBy, type LimitedWorld } from "./support/limited-world.ts";

const slow = { rate: 0.1, burst: 3 };

describe("rates", () => {
  let world: LimitedWorld;

  beforeAll(async () => {
    world = await createLimitedWorld();
  });

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const from = (client: string) => ({ headers: { "x-forwarded-for": client } });
  const behindProxy = { whence: { trusted: ["127.0.0.0/8"], exempt: [] } };

  it("of new connections are counted by address on all edges together, and answered before the upgrade", async () => {
    const rows = { new_connections_per_address: { rate: 0.1, burst: 20 } };
    const one = await world.limited(rows, behindProxy);
    const other = await world.limited(rows, behindProxy);
    for (let i = 0; i < 20; i++) expect((await attempt(one, from("203.0.113.1"))).status).toBe(101);
    const refused = await attempt(one, from("203.0.113.1"));
    expect(refused).toMatchObject({ status: 429, code: "RATE_LIMITED" });
    expect(refused.retryAfter).toBeGreaterThan(0);
    expect(refused.retryAfter).toBeLessThanOrEqual(10);
    // The other edge knows it a moment after the first that came to it.
    let passed = 0;
    for (; (await attempt(other, from("203.0.113.1"))).status === 101; passed++) await sleep(20);
    expect(passed).toBeGreaterThan(0);
    expect(passed).toBeLessThan(10);
    expect(await refusalsBy(other, "new_connections_per_address")).toBeGreaterThan(0);
    expect((await attempt(other, from("203.0.113.2"))).status).toBe(101);
  });

  it("of IPv6 addresses are counted by their /64, and addresses in front of the proxy's word count for nothing", async () => {
    const edge = await world.limited({ new_connections_per_address: slow }, behindProxy);
    for (let i = 0; i < 3; i++) expect((await attempt(edge, from(`10.0.0.${i}, 2001:db8::${i}`))).status).toBe(101);
    expect((await attempt(edge, from("10.0.0.9, 2001:db8::ffff:1"))).status).toBe(429);
    expect((await attempt(edge, from("10.0.0.9, 2001:db8:0:1::1"))).status).toBe(101);
  });

  it.each([
    ["a page", "GET", "/ws/test"],
    ["what is not there", "GET", "/nowhere"],
    ["a method that is not taken", "PATCH", "/api/v1/conversations"],
    ["leave for a page", "OPTIONS", "/api/v1/conversations"],
  ])("of HTTP requests count who asks for %s", async (_, method, path) => {
    const edge = await world.limited({ requests_per_address: slow }, behindProxy);
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const { status } = await fetch(`http://127.0.0.1:${edge.port}${path}`, { method, ...from("203.0.113.30") });
      statuses.push(status);
    }
    expect(statuses.map((status) => status === 429)).toEqual([false, false, false, true]);
  });

  it("of HTTP requests are counted by address and by user; whoever looks whether the process is well is answered", async () => {
    const rows = { requests_per_address: { rate: 0.1, burst: 5 }, requests_per_user: { rate: 0.1, burst: 2 } };
    const edge = await world.limited(rows, behindProxy);
    const list = (user: string | null, client: string) =>
      ask(edge, "GET", "/api/v1/conversations", { user, ...from(client) });
    expect((await list("carl", "203.0.113.3")).status).toBe(200);
    expect((await list("carl", "203.0.113.4")).status).toBe(200);
    const { status, body, headers } = await list("carl", "203.0.113.5");
    expect([status, body.code, body.retryable]).toEqual([429, "RATE_LIMITED", true]);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect(body.retry_after_ms).toBeGreaterThan(0);
    for (let i = 0; i < 5; i++) expect((await list(null, "203.0.113.6")).status).not.toBe(429);
    expect((await list(null, "203.0.113.6")).status).toBe(429);
    expect((await ask(edge, "GET", "/health", { user: null, ...from("203.0.113.6") })).status).toBe(200);
    expect(await refusalsBy(edge, "requests_per_user")).toBe(1);
    expect(await refusalsBy(edge, "requests_per_address")).toBe(1);
  });

  it("of HTTP requests take a large body for several, before it is read", async () => {
    const edge = await world.limited({ requests_per_user: { rate: 0.1, burst: 8 } }, behindProxy);
    const post = (bytes: number) => {
      // The beginning is no JSON: who is over the limit is not told so.
      const body = `{${" ".repeat(bytes)}`;
      return ask(edge, "POST", "/api/ai/chat", { user: "dora", ...from("203.0.113.9"), body });
    };
    expect((await post(1_000)).status).toBe(400);
    expect((await post(5 * 32 * 1024)).status).toBe(400);
    expect((await post(5 * 32 * 1024)).status).toBe(429);
  });

  it("hold on each edge for itself while Redis is away, and cost nobody any time", async () => {
    const edge = await world.limited({ new_connections_per_address: slow }, behindProxy);
    world.proxy.stall();
    const begunMs = performance.now();
    for (let i = 0; i < 3; i++) expect((await attempt(edge, from("203.0.113.7"))).status).toBe(101);
    expect((await attempt(edge, from("203.0.113.7"))).status).toBe(429);
    expect(performance.now() - begunMs).toBeLessThan(1_000);
    world.proxy.heal();
  });

  it("change within two seconds of a change of the file", async () => {
    await using dir = await tempDir();
    const file = path.join(dir.path, "limits.yaml");
    await writeFile(file, "limits: { new_connections_per_address: { rate: 100, burst: 1000 } }\n");
    const live = await openLimits({ file, log });
    const edge = await world.limited({}, { ...behindProxy, callerLimits: () => live.current().limits });
    for (let i = 0; i < 5; i++) expect((await attempt(edge, from("203.0.113.8"))).status).toBe(101);
    await writeFile(file, "limits: { new_connections_per_address: { rate: 0.1, burst: 1 } }\n");
    await eventually(async () => (await attempt(edge, from("203.0.113.8"))).status === 429, {
      what: "the new limit counts",
      timeoutMs: 2_500,
    });
    live.close();
  });
});

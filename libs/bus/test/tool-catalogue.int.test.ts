import { type ToolDefinition, toolCatalogueKey } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { type Broker, type BrokerRole, eventually, signedIn, startRedis } from "@parley/testkit";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connectRedis } from "../src/redis.ts";
import { createToolCatalogue } from "../src/tool-catalogue.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

function toolNamed(name: string, description = "Says what it was told."): ToolDefinition {
  const parameters = { type: "object", properties: {}, additionalProperties: false };
  return { name, aliases: [], description, parameters, effect: "read", timeout_ms: 5_000 };
}

describe("the tool catalogue", () => {
  let server: Broker;
  const connections: Redis[] = [];

  /** As a tool worker, which may read the list, too. */
  async function connected(as: BrokerRole = "tool"): Promise<Redis> {
    const redis = connectRedis({ url: signedIn(server.url, as), role: "cache", log });
    connections.push(redis);
    await eventually(() => redis.status === "ready", { what: "the connection" });
    return redis;
  }

  beforeEach(async () => {
    server = await startRedis({ persist: false });
  });

  afterEach(async () => {
    vi.useRealTimers();
    for (const redis of connections.splice(0)) redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  it("lists what all workers announce, sorted by name, the last announcement of a name first", async () => {
    const one = createToolCatalogue({ redis: await connected(), log });
    const other = createToolCatalogue({ redis: await connected(), log });
    await one.announce([toolNamed("pods"), toolNamed("logs", "old words")]);
    await other.announce([toolNamed("logs", "new words")]);
    expect(await createToolCatalogue({ redis: await connected("agent"), log }).list()).toEqual([
      toolNamed("logs", "new words"),
      toolNamed("pods"),
    ]);
  });

  it("leaves out what nobody announces any more, and what it cannot read", async () => {
    const redis = await connected();
    const old = JSON.stringify({ announced_at: Date.now() - 3_600_000, definition: toolNamed("gone") });
    await redis.hset(toolCatalogueKey, { gone: old, broken: "not JSON", wrong: "{}" });
    await createToolCatalogue({ redis, log }).announce([toolNamed("pods")]);
    expect(await createToolCatalogue({ redis: await connected("agent"), log }).list()).toEqual([toolNamed("pods")]);
  });

  it("believes each announcement for as long as its worker says, and workers that do not say for longer", async () => {
    const redis = await connected();
    const announcement = (name: string, ageMs: number, more = {}): string =>
      JSON.stringify({ announced_at: Date.now() - ageMs, definition: toolNamed(name), ...more });
    await redis.hset(toolCatalogueKey, {
      former: announcement("former", 80_000),
      fresh: announcement("fresh", 20_000, { every_ms: 10_000 }),
      stale: announcement("stale", 50_000, { every_ms: 10_000 }),
    });
    const listed = await createToolCatalogue({ redis, log }).list();
    expect(listed.map(({ name }) => name)).toEqual(["former", "fresh"]);
  });

  it("notices the first announcement soon, and that the last worker has gone when it looks", async () => {
    const redis = await connected();
    const catalogue = createToolCatalogue({ redis, log });
    expect(await catalogue.list()).toEqual([]);
    await catalogue.announce([toolNamed("pods")]);
    await eventually(async () => (await catalogue.list()).length === 1, { timeoutMs: 1_500, what: "the tool" });
    await redis.hset(toolCatalogueKey, {
      pods: JSON.stringify({ announced_at: Date.now() - 3_600_000, definition: toolNamed("pods") }),
    });
    expect(await catalogue.refresh()).toEqual([]);
  });

  it("keeps the last known list while Redis is down and when it comes back empty", async () => {
    // Only the clock of the cache is moved; the connections run in real time.
    vi.useFakeTimers({ toFake: ["performance"] });
    const redis = await connectedInRealTime();
    const catalogue = createToolCatalogue({ redis, log });
    await catalogue.announce([toolNamed("pods")]);
    expect(await catalogue.list()).toEqual([toolNamed("pods")]);
    await server.kill();
    vi.advanceTimersByTime(5_000);
    expect(await catalogue.list()).toEqual([toolNamed("pods")]);
  });

  async function connectedInRealTime(): Promise<Redis> {
    const redis = connectRedis({ url: server.url, role: "cache", log });
    connections.push(redis);
    await new Promise((resolve) => {
      redis.once("ready", resolve);
    });
    return redis;
  }

  it("answers with an empty list when Redis was never there", async () => {
    await server.kill();
    const redis = connectRedis({ url: server.url, role: "cache", log });
    connections.push(redis);
    expect(await createToolCatalogue({ redis, log }).list()).toEqual([]);
  });
});

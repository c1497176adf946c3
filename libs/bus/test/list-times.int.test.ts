import { createLogger } from "@parley/runtime";
import { startRedis, type Broker } from "@parley/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectRedis, createListTimes } from "../src/index.ts";
import { conversationListKey } from "../src/list-times.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

describe("what lists of conversations are told of ends", () => {
  let server: Broker;
  let redis: Redis;
  const key = conversationListKey("anna");

  beforeAll(async () => {
    server = await startRedis();
    redis = connectRedis({ url: server.url, role: "cache", log });
    await new Promise((resolve) => redis.once("ready", resolve));
  });
  beforeEach(async () => {
    await redis.flushall();
    await redis.zadd(key, 1_000, "first", 2_000, "second");
  });
  afterAll(async () => {
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  const commands = async (): Promise<number> =>
    Number(/^cmdstat_zadd:calls=(\d+)/m.exec(await redis.info("commandstats"))?.[1] ?? 0);

  it("moves what is listed, never back, and lists nothing", async () => {
    const { touch } = createListTimes(redis);
    await Promise.all([
      touch("anna", "first", 3_000),
      touch("anna", "second", 1_500),
      touch("anna", "deleted", 4_000),
      touch("bob", "first", 5_000),
    ]);
    expect(await redis.zrange(key, "0", "-1", "WITHSCORES")).toEqual(["second", "2000", "first", "3000"]);
    expect(await redis.exists(conversationListKey("bob"))).toBe(0);
  });

  it("tells nothing before its time is over, and all of it at once when it is asked to", async () => {
    const { touch, flush } = createListTimes(redis);
    const before = await commands();
    const told = [touch("anna", "first", 3_000), touch("anna", "second", 4_000)];
    expect(await commands()).toBe(before);
    await flush();
    await Promise.all(told);
    expect(await commands()).toBe(before + 2);
  });

  it("can be asked when there is nothing to tell, and tells what comes later", async () => {
    const { touch, flush } = createListTimes(redis);
    await flush();
    await touch("anna", "first", 3_000);
    expect(await redis.zscore(key, "first")).toBe("3000");
  });

  it("rejects while Redis is away, and does not stop a process that ends", async () => {
    const away = connectRedis({ url: server.url, role: "cache", log });
    await new Promise((resolve) => away.once("ready", resolve));
    away.disconnect();
    const { touch, flush } = createListTimes(away);
    const told = touch("anna", "first", 3_000);
    const refused = expect(told).rejects.toThrow();
    await flush();
    await refused;
  });
});

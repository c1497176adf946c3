import { createLogger } from "@parley/runtime";
import { type Broker, eventually, startRedis, startTcpProxy } from "@parley/testkit";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createOpenTurns, openTurnsKey } from "../src/open-turns.ts";
import { connectRedis } from "../src/redis.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const most = { perUser: 2, perTenant: 3 };

const turnOf = (user: string, turn: string, tenant?: string) => ({ conversation: "c", turn, user, tenant });

describe("open turns", () => {
  let server: Broker;
  const connections: Redis[] = [];

  const connected = async (url = server.url): Promise<Redis> => {
    const redis = connectRedis({ url, role: "cache", log });
    connections.push(redis);
    await eventually(() => redis.status === "ready", { what: "the connection" });
    return redis;
  };

  beforeEach(async () => {
    server = await startRedis({ persist: false });
  });

  afterEach(async () => {
    for (const redis of connections.splice(0)) redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  it("are counted once each over all processes, and no more than a user may have", async () => {
    const one = createOpenTurns({ redis: await connected() });
    const other = createOpenTurns({ redis: await connected() });
    expect(await one.add(turnOf("anna", "t1"), most)).toBe("added");
    expect(await other.add(turnOf("anna", "t1"), most)).toBe("known");
    expect(await other.add(turnOf("anna", "t2"), most)).toBe("added");
    expect(await one.add(turnOf("anna", "t3"), most)).toEqual({ full: "user" });
    expect(await one.add(turnOf("ben", "t4"), most)).toBe("added");
    await other.remove(turnOf("anna", "t1"));
    expect(await one.add(turnOf("anna", "t3"), most)).toBe("added");
    expect(await one.count({ user: "anna" })).toBe(2);
    expect(await one.oldest({ user: "anna" }, 1)).toEqual([{ conversation: "c", turn: "t2" }]);
  });

  it("of all users of a tenant are no more than the tenant may have, and what is refused counts for neither", async () => {
    const open = createOpenTurns({ redis: await connected() });
    for (const [user, turn] of [
      ["a", "t1"],
      ["b", "t2"],
      ["c", "t3"],
    ] as const)
      expect(await open.add(turnOf(user, turn, "acme"), most)).toBe("added");
    expect(await open.add(turnOf("d", "t4", "acme"), most)).toEqual({ full: "tenant" });
    expect(await open.count({ user: "d" })).toBe(0);
    expect(await open.count({ tenant: "acme" })).toBe(3);
  });

  it("are forgotten when their time is over, by the clock of Redis", async () => {
    const redis = await connected();
    const open = createOpenTurns({ redis });
    await redis.zadd(openTurnsKey({ user: "anna" }), "1", "c.old1", "1", "c.old2");
    expect(await open.add(turnOf("anna", "t1"), most)).toBe("added");
    expect(await open.count({ user: "anna" })).toBe(1);
  });

  it("are counted by each process for itself while Redis is slow, which is waited for once", async () => {
    await using proxy = await startTcpProxy({ targets: [Number(new URL(server.url).port)] });
    const open = createOpenTurns({ redis: await connected(`redis://127.0.0.1:${proxy.port}`) });
    proxy.stall();
    const begunMs = performance.now();
    expect(await open.add(turnOf("anna", "t1"), most)).toBe("added");
    expect(await open.add(turnOf("anna", "t2"), most)).toBe("added");
    expect(await open.add(turnOf("anna", "t2"), most)).toBe("known");
    expect(await open.add(turnOf("anna", "t3"), most)).toEqual({ full: "user" });
    expect(performance.now() - begunMs).toBeLessThan(500);
    // Nobody tells this process which of them have ended; who is full has it looked.
    expect(await open.oldest({ user: "anna" }, 1)).toEqual([{ conversation: "c", turn: "t1" }]);
  });

  it("that end while Redis is away are told to it when it is back", async () => {
    await using proxy = await startTcpProxy({ targets: [Number(new URL(server.url).port)] });
    const redis = await connected(`redis://127.0.0.1:${proxy.port}`);
    const open = createOpenTurns({ redis });
    await open.add(turnOf("anna", "t1"), most);
    await open.add(turnOf("anna", "t2"), most);
    proxy.sever();
    await open.remove(turnOf("anna", "t1"));
    proxy.heal();
    await eventually(() => redis.status === "ready", { what: "Redis is back" });
    await open.remove(turnOf("anna", "t2"));
    await eventually(async () => (await open.count({ user: "anna" })) === 0, { what: "both are gone" });
  });
});

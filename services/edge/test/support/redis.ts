import { connectRedis } from "@parley/bus";
import { eventually, startRedis, type Broker } from "@parley/testkit";
import { log } from "./edge-fixture.ts";

export type TestRedis = ReturnType<typeof connectRedis>;

export interface RedisWorld extends AsyncDisposable {
  readonly server: Broker;
  /** A connection as an edge has it; it is open. */
  connect(): Promise<TestRedis>;
}

export async function createRedisWorld(persist = true): Promise<RedisWorld> {
  const server = await startRedis({ persist });
  const connections: TestRedis[] = [];
  return {
    server,
    async connect() {
      const redis = connectRedis({ url: server.url, role: "cache", log });
      connections.push(redis);
      await eventually(() => redis.status === "ready", { what: "Redis" });
      return redis;
    },
    async [Symbol.asyncDispose]() {
      for (const redis of connections) redis.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

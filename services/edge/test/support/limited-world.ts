import { connectRedis } from "@parley/bus";
import { Limits } from "@parley/protocol";
import { eventually, startRedis, startTcpProxy, type Broker, type TcpProxy } from "@parley/testkit";
import { WebSocket } from "ws";
import { createWorld, log, tokenOf, type EdgeUnderTest, type World } from "./edge-fixture.ts";
import type { EdgeOptions } from "../../src/edge.ts";

type Settings = Partial<
  Pick<EdgeOptions, "whence" | "redisDeadlineMs" | "gate" | "lag" | "tokens" | "callerLimits" | "maxConnections">
>;

/** A broker, Redis behind a proxy that can be broken, and edges that limit also who is on this machine. */
export interface LimitedWorld extends World {
  readonly redis: Broker;
  readonly proxy: TcpProxy;
  /** A connection of the test itself, which is not broken with the proxy. */
  readonly own: ReturnType<typeof connectRedis>;
  /** An edge with these rows of the table; without `Redis` it counts for itself. */
  limited(rows: object, settings?: Settings): Promise<EdgeUnderTest>;
}

export async function createLimitedWorld(): Promise<LimitedWorld> {
  const world = await createWorld();
  const redis = await startRedis({ persist: false });
  const proxy = await startTcpProxy({ targets: [Number(new URL(redis.url).port)] });
  const own = connectRedis({ url: redis.url, role: "cache", log });
  const connections = [own];
  return {
    ...world,
    redis,
    proxy,
    own,
    async limited(rows, settings = {}) {
      const connection = connectRedis({ url: `redis://127.0.0.1:${proxy.port}`, role: "cache", log });
      connections.push(connection);
      await eventually(() => connection.status === "ready", { what: "Redis" });
      const limits = Limits.parse(rows);
      return world.addEdge({
        redis: connection,
        callerLimits: () => limits,
        whence: { trusted: [], exempt: [] },
        // A machine that many share must not decide.
        redisDeadlineMs: 5_000,
        ...settings,
      });
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      for (const connection of connections) connection.disconnect();
      await proxy[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

export interface Attempt {
  /** 101: it is open. */
  readonly status: number;
  /** Seconds; undefined: it was not said. */
  readonly retryAfter: number | undefined;
  readonly code: string | undefined;
  readonly socket: WebSocket;
}

/** Tries to open a socket. */
export async function attempt(
  { url }: Pick<EdgeUnderTest, "url">,
  options: { readonly headers?: Record<string, string>; readonly user?: string; readonly origin?: string } = {},
): Promise<Attempt> {
  const { headers = {}, user, origin } = options;
  const address = user === undefined ? url : `${url}?token=${await tokenOf(user)}`;
  const socket = new WebSocket(address, ["parley.v1"], { headers, ...(origin === undefined ? {} : { origin }) });
  socket.on("error", () => {});
  return new Promise((resolve) => {
    socket.once("open", () => resolve({ status: 101, retryAfter: undefined, code: undefined, socket }));
    socket.once("unexpected-response", (_request, response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
      response.once("end", () => {
        const after = response.headers["retry-after"];
        const { code }: { code?: string } = JSON.parse(body === "" ? "{}" : body);
        const retryAfter = after === undefined ? undefined : Number(after);
        resolve({ status: response.statusCode ?? 0, retryAfter, code, socket });
      });
    });
  });
}

/** What a metric counts of one limit. */
export async function refusalsBy({ registry }: EdgeUnderTest, limit: string): Promise<number> {
  const metric = await registry.getSingleMetric("parley_edge_limit_refusals_total")?.get();
  return metric?.values.find(({ labels }) => labels["limit"] === limit)?.value ?? 0;
}

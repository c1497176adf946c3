import { randomBytes } from "node:crypto";
import { startNats, startRedis, startService, type Service } from "@parley/testkit";
import { connectClient, type TestClient } from "../../services/edge/test/support/test-client.ts";
import { devToken } from "../e2e/person.ts";

export interface EdgeAlone extends AsyncDisposable {
  readonly edge: Service;
  /** A client of this user that is ready; it checks every frame that it gets. */
  connect(user: string): Promise<TestClient>;
  /** A request of this user, with the path as it is. */
  ask(user: string, method: string, path: string, body?: string): Promise<Answer>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** An edge as a process, with a broker and a Redis, and nobody who answers. */
export async function startEdgeAlone(): Promise<EdgeAlone> {
  const [nats, redis] = await Promise.all([startNats(), startRedis()]);
  const edge = await startService("edge", {
    NATS_URL: nats.url,
    REDIS_URL: redis.url,
    AUTH_DEV: "1",
    AUTH_JWT_SECRET: randomBytes(32).toString("hex"),
  });
  return {
    edge,
    async connect(user) {
      const client = await connectClient(`ws://127.0.0.1:${edge.port}/ws/chat?token=${await devToken(edge, user)}`);
      await client.next("auth_success");
      return client;
    },
    async ask(user, method, path, body) {
      const headers = { authorization: `Bearer ${await devToken(edge, user)}`, "content-type": "application/json" };
      const url = `http://127.0.0.1:${edge.port}${path}`;
      const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
      return { status: response.status, text: await response.text() };
    },
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await Promise.all([nats[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()]);
    },
  };
}

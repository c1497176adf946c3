import { randomUUID } from "node:crypto";
import { connectRedis } from "@parley/bus";
import { RightsByRole, createMay } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { eventually, signedIn, startRedis } from "@parley/testkit";
import { SignJWT } from "jose";
import { startTokens } from "../../src/admission/tokens.ts";
import type { EdgeOptions } from "../../src/edge.ts";
import { createWorld, jwtSecret, log, type EdgeUnderTest } from "./edge-fixture.ts";
import { ask, type Asked } from "./http-client.ts";
import { connectClient, type TestClient } from "./test-client.ts";

/** Somebody of a tenant, with roles. */
export interface Person {
  readonly name: string;
  readonly org?: string;
  readonly groups?: readonly string[];
}

/** Of the tenant in which conversations of these tests are, unless they say something else. */
export function person(name: string, more: Partial<Person> = {}): Person {
  return { name, org: "acme", ...more };
}

export function tokenOf({ name, org, groups = [] }: Person): Promise<string> {
  return new SignJWT({ groups, name: name.toUpperCase(), ...(org === undefined ? {} : { org }) })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(name)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(Buffer.from(jwtSecret));
}

export interface AskOptions {
  readonly body?: object;
  readonly at?: 0 | 1;
  readonly headers?: Record<string, string>;
}

export type RoomWorld = Awaited<ReturnType<typeof createRoomWorld>>;

/** Two edges with lists, whose users have tenants and roles. */
export async function createRoomWorld(options: Partial<EdgeOptions> = {}) {
  const [world, redis] = await Promise.all([createWorld(), startRedis({ persist: false })]);
  const caches = [0, 1].map(() => connectRedis({ url: signedIn(redis.url, "edge"), role: "cache", log }));
  await eventually(() => caches.every(({ status }) => status === "ready"), { what: "Redis" });
  const rules = { roles: { claim: ["groups"] }, tenant: { claim: ["org"] } };
  const addEdge = (at: 0 | 1): Promise<EdgeUnderTest> => {
    const registry = createMetrics({ service: "edge" });
    const tokens = startTokens({ sharedSecret: { secret: jwtSecret, rules }, registry, log });
    const cache = caches[at];
    const may = createMay(RightsByRole.parse({}));
    return world.addEdge({ tokens, may, ...(cache === undefined ? {} : { redis: cache }), ...options, limits: {} });
  };
  const edges = [await addEdge(0), await addEdge(1)] as const;
  const clients: TestClient[] = [];

  const as = async (who: Person, method: string, path: string, how: AskOptions = {}): Promise<Asked> => {
    const { body, at = 0, headers = {} } = how;
    const authorized = { authorization: `Bearer ${await tokenOf(who)}`, ...headers };
    return ask(edges[at], method, path, { user: null, headers: authorized, ...(body === undefined ? {} : { body }) });
  };
  const connect = async (who: Person, at: 0 | 1 = 0): Promise<TestClient> => {
    const client = await connectClient(edges[at].url);
    clients.push(client);
    client.send({ type: "auth", token: await tokenOf(who) });
    await client.next("auth_success");
    return client;
  };
  /** One turn, asked over HTTP by nobody's socket and answered by the test. */
  const turn = async (client: TestClient, conversation: string, text: string): Promise<string> => {
    client.send({ type: "message", id: randomUUID(), message: text, conversation_id: conversation });
    const { turn_id, message_id } = await client.next("accepted");
    const common = { v: 1 as const, conversation_id: conversation, turn_id, status: "complete" as const };
    const author = { role: "user" as const };
    await world.bus.transcripts.append({ ...common, ts: Date.now(), message_id, author, message: text });
    await world.worker.take(conversation, turn_id).complete(`answer to ${text}`);
    return turn_id;
  };

  return {
    ...{ world, edges, redis, as, connect, turn },
    /** A conversation in which its owner has asked something. */
    async begin(owner: Person, text = "hello"): Promise<string> {
      const id = `c_${randomUUID()}`;
      const client = await connect(owner);
      await turn(client, id, text);
      client.close();
      return id;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await world[Symbol.asyncDispose]();
      for (const cache of caches) cache.disconnect();
      await redis[Symbol.asyncDispose]();
    },
  };
}

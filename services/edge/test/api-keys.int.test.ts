import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createMetrics } from "@parley/runtime";
import { tempDir, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeKey, withEntry, type NewKey } from "../../../scripts/keys/new-key.ts";
import { openApiKeys, type ApiKeys } from "../src/admission/api-keys.ts";
import { createWorld, log, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, type Asked } from "./support/http-client.ts";
import { createRedisWorld, type RedisWorld } from "./support/redis.ts";
import { connectClient } from "./support/test-client.ts";

let folder: TempDir;
let file: string;
let world: World;
let redisWorld: RedisWorld;
let apiKeys: ApiKeys;
const keys = new Map<string, string>();
let edge: EdgeUnderTest;

beforeAll(async () => {
  [folder, world, redisWorld] = [await tempDir(), await createWorld(), await createRedisWorld()];
  file = path.join(folder.path, "api-keys.yaml");
  await writeFile(
    file,
    wanted.reduce((text, more) => withEntry(file, text, made(more)), "keys: []\n"),
  );
  const registry = createMetrics({ service: "edge" });
  apiKeys = await openApiKeys({ file, registry, log });
  edge = await world.addEdge({ apiKeys, registry, redis: await redisWorld.connect() });
});
afterAll(async () => {
  apiKeys.close();
  await world[Symbol.asyncDispose]();
  await redisWorld[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const wanted: readonly (Partial<NewKey> & { readonly name: string })[] = [
  { name: "everywhere", tenant: "acme", roles: ["operator"] },
  { name: "reader", scopes: ["conversation:list"] },
  { name: "ended", expires: "2020-01-01" },
  { name: "elsewhere", addresses: ["10.0.0.0/8", "2001:db8::/32"] },
  { name: "here", addresses: ["127.0.0.0/8"] },
  { name: "leaked" },
  { name: "stays" },
];

/** A key and its entry as the command makes them. */
function made(more: Partial<NewKey> & { readonly name: string }): string {
  const { key, entry } = makeKey({ user: "svc-ci", scopes: ["conversation:*"], ...more }, new Date());
  keys.set(more.name, key);
  return entry;
}

const keyOf = (name: string): string => keys.get(name) ?? "";

/** Without the entry of that name. */
async function removeKey(name: string): Promise<void> {
  const entries = (await readFile(file, "utf8")).split(/^(?= {2}- )/m);
  await writeFile(file, entries.filter((entry) => !entry.includes(`name: "${name}"`)).join(""));
}

const unknown = "This API key is not known here, or not any more.";

function me(key: string): Promise<Asked> {
  return ask(edge, "GET", "/api/v1/auth/me", { user: null, headers: { authorization: `Bearer ${key}` } });
}

describe("an API key", () => {
  it("is taken wherever a token is", async () => {
    const key = keyOf("everywhere");
    const identity = { user: { id: "svc-ci" }, tenant: "acme", roles: ["operator"], scopes: ["conversation:*"] };
    expect((await me(key)).body).toMatchObject(identity);
    const clients = [
      await connectClient(`${edge.url}?token=${key}`),
      await connectClient(edge.url, { protocols: ["parley.v1", `bearer.${key}`] }),
      await connectClient(edge.url, { headers: { authorization: `Bearer ${key}` } }),
      await connectClient(edge.url),
    ];
    clients[3]?.send({ type: "auth", token: key });
    const headers = { authorization: `Bearer ${key}` };
    const { body } = await ask(edge, "POST", "/api/v1/auth/ticket", { user: null, headers });
    clients.push(await connectClient(`${edge.url}?ticket=${body.ticket}`));
    for (const client of clients) {
      expect(await client.next("auth_success")).toMatchObject({ user: { id: "svc-ci" } });
      client.close();
    }
    expect(await metricOf(edge, "parley_edge_api_key_last_used_timestamp_seconds")).toBeGreaterThan(
      Date.now() / 1_000 - 60,
    );
  });

  it("may do what its scopes say and nothing else", async () => {
    const key = keyOf("reader");
    const headers = { authorization: `Bearer ${key}` };
    const list = await ask(edge, "GET", "/api/v1/conversations", { user: null, headers });
    expect(list.status).toBe(200);
    const said = await ask(edge, "POST", "/api/v1/chat", { user: null, headers, body: { message: "hello" } });
    expect(said).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  });

  it("that is mistyped is told from one that is not known, and neither is looked up as a token", async () => {
    const key = keyOf("here");
    const [mistyped, incomplete] = [key.replace(/.$/, key.endsWith("x") ? "y" : "x"), key.slice(0, -2)];
    const error = "This API key is mistyped or incomplete: its checksum is wrong.";
    for (const wrong of [mistyped, incomplete]) {
      expect(await me(wrong)).toMatchObject({ status: 401, body: { code: "AUTH_INVALID", error } });
    }
    expect(await me(makeKey({ name: "x", user: "x", scopes: [] }, new Date()).key)).toMatchObject({
      status: 401,
      body: { code: "AUTH_INVALID", error: unknown },
    });
  });

  it("has an end, and places from which it may be used", async () => {
    expect((await me(keyOf("ended"))).body).toMatchObject({ code: "AUTH_INVALID", error: "This API key has expired." });
    const elsewhere = keyOf("elsewhere");
    expect((await me(elsewhere)).body).toMatchObject({ error: "This API key may not be used from this address." });
    expect((await me(keyOf("here"))).status).toBe(200);
    const at = (address: string): string => {
      try {
        return apiKeys.identify(elsewhere, address).user.id;
      } catch {
        return "refused";
      }
    };
    expect(["10.1.2.3", "2001:db8:1:2::/64", "11.0.0.1", "2001:db9::/64", ""].map(at)).toEqual([
      ...["svc-ci", "svc-ci", "refused", "refused", "refused"],
    ]);
  });

  it("that is taken out of the file opens nothing more, and its sockets are closed within 3 s; others stay", async () => {
    const [key, stays] = [keyOf("leaked"), keyOf("stays")];
    const [client, other] = [
      await connectClient(`${edge.url}?token=${key}`),
      await connectClient(`${edge.url}?token=${stays}`),
    ];
    await Promise.all([client.next("auth_success"), other.next("auth_success")]);
    const headers = { authorization: `Bearer ${key}` };
    const { body } = await ask(edge, "POST", "/api/v1/auth/ticket", { user: null, headers });
    const removedMs = performance.now();
    await removeKey("leaked");
    expect(await client.closed).toBe(4500);
    expect(performance.now() - removedMs).toBeLessThan(3_500);
    expect((await me(key)).body).toMatchObject({ error: unknown });
    const late = await connectClient(`${edge.url}?ticket=${body.ticket}`);
    expect(await late.next("auth_error")).toMatchObject({ code: "AUTH_INVALID" });
    other.send({ type: "ping" });
    await other.next("pong");
    other.close();
  });

  it("that is added is taken within 3 s", async () => {
    const text = await readFile(file, "utf8");
    await writeFile(file, withEntry(file, text, made({ name: "added" })));
    await expect.poll(async () => (await me(keyOf("added"))).status, { timeout: 3_000 }).toBe(200);
  });

  it("goes on to count while the file has a mistake, which is told with its line", async () => {
    const key = keyOf("stays");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace('name: "stays"', "nam: stays"));
    await expect.poll(() => apiKeys.problems().join(), { timeout: 5_000 }).toMatch(/api-keys\.yaml:\d+: /);
    expect((await me(key)).status).toBe(200);
    await writeFile(file, text);
    await expect.poll(() => apiKeys.problems(), { timeout: 5_000 }).toEqual([]);
  });
});

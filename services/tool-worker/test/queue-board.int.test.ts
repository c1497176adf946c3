import { createToolQueue } from "@parley/bus";
import type { ToolJob } from "@parley/protocol";
import { createLogger, createMetrics, startAdmin } from "@parley/runtime";
import { eventually, signedIn, startRedis } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openQueueBoard } from "../src/queue-board/queue-board.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const token = "a-token-that-opens-the-board";
const release: (() => Promise<unknown>)[] = [];
let url = "";

const job: ToolJob = {
  ...{ v: 1, call_id: "t1-0-0", tool_name: "demo_echo", conversation_id: "c1", turn_id: "t1", timeout_ms: 1_000 },
  ...{ arguments: { text: "somebody's secret" }, user: { id: "ann", name: "Ann Example" } },
};

beforeAll(async () => {
  const redis = await startRedis({ persist: false });
  const queue = createToolQueue({ url: signedIn(redis.url, "agent"), log });
  await eventually(() => queue.ready(), { what: "the queue" });
  await queue.add(job);
  // The tool workers' own role at Redis is enough.
  const board = await openQueueBoard({ redis: { url: signedIn(redis.url, "tool"), tls: {} }, token, log });
  const registry = createMetrics({ service: "test" });
  const at = { host: "127.0.0.1", port: 0 };
  const admin = await startAdmin({ ...at, registry, ready: () => [], pages: [board.page], log });
  url = `http://127.0.0.1:${admin.port}`;
  release.push(admin.close, board.close, queue.close, () => redis[Symbol.asyncDispose]());
});

afterAll(async () => {
  for (const close of release) await close();
});

function get(path: string, authorization = `Bearer ${token}`, method = "GET"): Promise<Response> {
  return fetch(`${url}${path}`, { method, headers: authorization === "" ? {} : { authorization } });
}

const basic = (password: string): string => `Basic ${Buffer.from(`anybody:${password}`).toString("base64")}`;

it.each([
  ["nobody", "", 401],
  ["who has another token", "Bearer another", 401],
  ["who has another password", basic("another"), 401],
  ["who has a part of it", basic(token.slice(0, -1)), 401],
  ["who says it in another way", `Digest ${token}`, 401],
  ["who has the token", `Bearer ${token}`, 200],
  ["who types it as a password", basic(token), 200],
])("opens the pages of the queue for %s: %s", async (_, authorization, status) => {
  for (const path of ["/queues", "/queues/", "/queues/api/queues", "/queues/static/images/logo.svg"]) {
    const response = await get(path, authorization);
    expect(response.status).toBe(status);
    expect(response.headers.get("www-authenticate") === null).toBe(status === 200);
  }
});

it("shows calls that wait, and nothing of what they are called with", async () => {
  const list = await (
    await get("/queues/api/queues?activeQueue=tools&status=prioritized&page=1&jobsPerPage=10")
  ).json();
  const text = JSON.stringify(list);
  expect(list).toMatchObject({ queues: [{ name: "tools", readOnlyMode: true, counts: { prioritized: 1 } }] });
  expect(list).toMatchObject({ queues: [{ jobs: [{ id: "t1-0-0", name: "demo_echo", data: { user: "ann" } }] }] });
  const one = await (await get("/queues/api/queues/tools/t1-0-0")).text();
  for (const shown of [text, one]) expect(shown).not.toMatch(/somebody's secret|Ann Example/);
  expect(one).toContain('"status":"prioritized"');
});

it("is a page that a browser can show, which asks nobody else for anything", async () => {
  const response = await get("/queues/queue/tools");
  const page = await response.text();
  expect(response.headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(page).toContain('<base href="/queues/" />');
  expect(page).not.toMatch(/https:\/\/|<%/);
  const [, script = ""] = /src="(static\/js\/main[^"]+)"/.exec(page) ?? [];
  const loaded = await get(`/queues/${script}`);
  expect([loaded.status, loaded.headers.get("content-type")]).toEqual([200, "text/javascript"]);
});

it("changes nothing, and leads to no other file", async () => {
  const changes = [
    "/queues/api/queues/tools/pause",
    "/queues/api/queues/tools/t1-0-0/clean",
    "/queues/api/queues/tools/empty",
  ];
  for (const path of changes)
    for (const method of ["PUT", "POST", "GET"])
      expect((await get(path, undefined, method)).status).toBeGreaterThanOrEqual(404);
  for (const path of [
    "/queues/static/..%2f..%2fpackage.json",
    "/queues/static/%2e%2e/index.ejs",
    "/queues/static/none.js",
  ])
    expect((await get(path)).status).toBe(404);
  expect(await (await get("/queues/api/queues/tools/t1-0-0")).text()).toContain('"status":"prioritized"');
});

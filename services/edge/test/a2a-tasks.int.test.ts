import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { createRedisWorld, type RedisWorld } from "./support/redis.ts";
import type { TestClient } from "./support/test-client.ts";
import { askFor } from "./support/waiting-turn.ts";

let world: World;
let redis: RedisWorld;
let edge: EdgeUnderTest;
let user = "u0";
let client: TestClient;

beforeAll(async () => {
  [world, redis] = await Promise.all([createWorld(), createRedisWorld()]);
  edge = await world.addEdge({ redis: await redis.connect() });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});
beforeEach(async () => {
  user = `u${Math.random()}`.replace(".", "");
  client = await world.connect(edge, user);
});

const Task = z.looseObject({ id: z.string(), status: z.looseObject({ state: z.string() }) });
const Page = z.object({
  tasks: z.array(Task),
  nextPageToken: z.string(),
  totalSize: z.number(),
  pageSize: z.number(),
});
type Page = z.infer<typeof Page>;

async function call(method: string, params: object, more: { as?: string; signal?: AbortSignal } = {}) {
  const { as = user, ...options } = more;
  const body = { jsonrpc: "2.0", id: 5, method, params };
  return ask(edge, "POST", "/a2a", { user: as, body, headers: { "a2a-version": "1.0" }, ...options });
}

const list = async (params: object = {}): Promise<Page> => Page.parse((await call("ListTasks", params)).body.result);

const turnsOf = ({ tasks }: Page): string[] => tasks.map(({ id }) => id.split(".")[0] ?? "");

/** All pages, one after the other. */
async function pages(params: object): Promise<Page[]> {
  const read: Page[] = [];
  let pageToken = "";
  do {
    const page = await list({ ...params, pageToken });
    read.push(page);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && read.length < 100);
  return read;
}

/** A message; with a response it is answered. */
async function say(conversation_id: string, response?: string): Promise<string> {
  client.send({ type: "message", id: `m${Math.random()}`, conversation_id, message: "hi" });
  const { turn_id } = await client.next("accepted");
  if (response !== undefined) await world.worker.take(conversation_id, turn_id).complete(response);
  return turn_id;
}

async function isListed(count: number): Promise<void> {
  const found = async () => (await pages({ pageSize: 100 })).flatMap(turnsOf).length === count;
  await eventually(found, { what: `${count} listed tasks` });
}

it("lists the tasks of all contexts newest first, each on one page, however large the pages are", async () => {
  const turns: string[] = [];
  for (let n = 0; n < 7; n++)
    for (const context of ["a", "b", "c"]) if (n < 5 || context === "b") turns.unshift(await say(user + context, "x"));
  turns.unshift(await say(`${user}a`), await say(`${user}b`));
  await isListed(19);
  turns.splice(0, 2, ...turns.slice(0, 2).toReversed());
  for (const pageSize of [1, 2, 5, 100]) {
    const read = await pages({ pageSize });
    expect(read.flatMap(turnsOf)).toEqual(turns);
    expect(read.at(-1)).toMatchObject({ totalSize: 19, pageSize });
  }
  const ofOne = await pages({ pageSize: 3, contextId: `${user}b` });
  expect(ofOne.map(({ tasks }) => tasks.length)).toEqual([3, 3, 2]);
  const open = await list({ status: "TASK_STATE_SUBMITTED" });
  expect(turnsOf(open)).toEqual(turns.slice(0, 2));
  const ended = await pages({ status: "TASK_STATE_COMPLETED", pageSize: 4 });
  expect(ended.flatMap(turnsOf)).toEqual(turns.slice(2));
  expect((await pages({ status: "TASK_STATE_FAILED" })).flatMap(turnsOf)).toEqual([]);
});

it("has a page end where its tasks are large, and the next one goes on", async () => {
  const long = "x".repeat(450_000);
  const turns: string[] = [];
  for (let n = 0; n < 12; n++) turns.unshift(await say(`${user}${n % 2}`, long));
  await isListed(12);
  const read = await pages({ includeArtifacts: true });
  expect(read.flatMap(turnsOf)).toEqual(turns);
  for (const page of read) expect(JSON.stringify(page).length).toBeLessThan(4_800_000);
  expect(read.length).toBeGreaterThan(1);
});

it("refuses a token that it has not given", async () => {
  for (const token of ["x", Buffer.from("1:t:0:short").toString("base64url")])
    expect((await call("ListTasks", { pageToken: token })).body).toMatchObject({ id: 5, error: { code: -32_602 } });
  await say(`${user}a`, "x");
  await isListed(1);
  const made = Buffer.from(`9999999999999:t:0:${"A".repeat(8)}zz`).toString("base64url");
  expect((await list({ pageToken: made })).tasks).toHaveLength(1);
});

it("turns one user's many listings away by the id of the request, while others are answered", async () => {
  for (let n = 0; n < 4; n++) await say(`${user}${n}`, "x");
  await isListed(4);
  const mine = Array.from({ length: 30 }, () => call("ListTasks", {}));
  expect((await call("ListTasks", {}, { as: "somebody" })).body.result).toMatchObject({ tasks: [] });
  const answers = await Promise.all(mine);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(30);
  expect(refused[0]?.body).toMatchObject({ id: 5, error: { data: [{ reason: "RATE_LIMITED" }] } });
  await isListed(4);
});

it("lists for everybody after a user has cut many listings", { timeout: 40_000 }, async () => {
  for (let n = 0; n < 4; n++) await say(`${user}a`);
  await isListed(4);
  for (let n = 0; n < 60; n++) {
    const leaving = new AbortController();
    const listing = call("ListTasks", {}, { signal: leaving.signal }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, n % 20));
    leaving.abort();
    await listing;
  }
  await eventually(async () => (await call("ListTasks", {})).status === 200, { what: "a listing", timeoutMs: 30_000 });
  expect((await call("ListTasks", {}, { as: "somebody" })).status).toBe(200);
});

it("answers a decision that comes again as it did the first time, and another one with what was decided", async () => {
  const turn = await askFor(world, client);
  const taskId = `${turn.turn_id}.${turn.conversation_id}`;
  const reply = (data: object) => {
    const message = { messageId: "r", role: "ROLE_USER", taskId, parts: [{ data }] };
    return call("SendMessage", { message, configuration: { returnImmediately: true } });
  };
  const first = await reply({ approved: true });
  const state = z.object({ task: Task });
  expect(state.parse(first.body.result).task).toMatchObject({ id: taskId });
  for (const again of [{ approved: true }, { approved: true, call_id: turn.call_id }])
    expect(state.parse((await reply(again)).body.result).task).toMatchObject({ id: taskId });
  expect((await reply({ approved: false })).body).toMatchObject({
    error: { code: -32_602, message: expect.stringContaining("decided before") },
  });
  expect((await reply({ approved: true, call_id: "none-0-0" })).body).toMatchObject({ error: { code: -32_602 } });
});

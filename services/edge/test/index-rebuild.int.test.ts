import { connectRedis } from "@parley/bus";
import { encodeJson, messageIdOf, subjects, type LogRecord, type OwnerRecord } from "@parley/protocol";
import { signedIn, eventually, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";

interface Listed {
  readonly conversation_id: string;
  readonly title: string;
  readonly updated_at: number;
}

const conversations = 30_000;
const users = 100;
/** Appends under way at a time. */
const portion = 500;

let world: World;
let redisServer: Broker;
/** Of the edges. */
let redis: ReturnType<typeof connectRedis>;
/** Of the test. */
let observer: ReturnType<typeof connectRedis>;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  observer = connectRedis({ url: redisServer.url, role: "cache", log });
  await eventually(() => redis.status === "ready" && observer.status === "ready", { what: "Redis" });
  for (let from = 0; from < conversations + hoarded; from += portion) {
    await Promise.all(Array.from({ length: portion }, (_, i) => store(from + i)));
  }
  // Redis is new, the conversations are not: it has lost them.
  edge = await world.addEdge({ redis });
}, 120_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  redis.disconnect();
  observer.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

/** One user has more than are listed. */
const hoarded = 5_500;
const listedAtMost = 5_000;
const isHoarded = (nth: number): boolean => nth >= conversations;
const ownerOf = (nth: number): string => (isHoarded(nth) ? "hoarder" : `user-${nth % users}`);
/** Not in the order in which they were begun. */
const updatedAt = (nth: number): number => 1_000_000 + ((nth * 7_919) % 100_003);

/** Whose it is, and of the conversations of the first three users a record. */
async function store(nth: number): Promise<void> {
  const conversation_id = `c_${nth}`;
  const owner: OwnerRecord = { v: 1, user_id: ownerOf(nth), ts: 1 };
  await append(subjects.owner(0, conversation_id), owner);
  if (nth % users >= 3 && !isHoarded(nth)) return;
  const message_id = messageIdOf("t1", "user");
  const common = { v: 1, conversation_id, turn_id: "t1", message_id, prev: 0, status: "complete" } as const;
  const record: LogRecord = { ...common, author: { role: "user" }, message: `title ${nth}`, ts: updatedAt(nth) };
  await append(subjects.log(0, conversation_id), record);
}

async function append(subject: string, value: object): Promise<void> {
  const result = await world.bus.events.append({ subject, data: encodeJson(value) });
  if (result.kind !== "stored") throw new Error(result.kind);
}

/** A page; while the list takes longer than a request waits, the answer is 503, and the next request finds more of it done. */
function page(user: string, cursor: string) {
  return eventually(
    async () => {
      const { status, body } = await ask(edge, "GET", `/api/v1/conversations?limit=200${cursor}`, { user });
      if (status !== 200) expect(body).toMatchObject({ code: "OVERLOADED", retryable: true });
      return status === 200 ? body : undefined;
    },
    { timeoutMs: 60_000, what: `the list of ${user}` },
  );
}

async function listOf(user: string): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (let cursor = ""; ;) {
    const body = await page(user, cursor);
    listed.push(...body.conversations);
    if (body.next_cursor === undefined) return listed;
    cursor = `&cursor=${body.next_cursor}`;
  }
}

function expected(user: string): Listed[] {
  return Array.from({ length: conversations + hoarded }, (_, nth) => nth)
    .filter((nth) => ownerOf(nth) === user)
    .map((nth) => ({ conversation_id: `c_${nth}`, title: `title ${nth}`, updated_at: updatedAt(nth) }))
    .toSorted((a, b) => b.updated_at - a.updated_at);
}

describe("lists of conversations that Redis has lost", () => {
  it("are made again whole, however many there are, for several users at once", async () => {
    const all = await Promise.all(["user-0", "user-1", "user-2"].map(listOf));
    for (const [i, listed] of all.entries()) expect(listed).toEqual(expected(`user-${i}`));
  }, 90_000);

  it("have the newest of a user who has more than are listed", async () => {
    const newest = expected("hoarder").slice(0, listedAtMost);
    expect(await listOf("hoarder")).toEqual(newest);
  }, 90_000);

  it("leave out what was deleted, and are kept from then on", async () => {
    await observer.flushall();
    await edge.bus.conversations.purge("c_0");
    expect(await listOf("user-0")).toEqual(
      expected("user-0").filter(({ conversation_id }) => conversation_id !== "c_0"),
    );
    expect(await observer.keys("*:conversations:whole")).toHaveLength(1);
  }, 90_000);

  it("show a conversation that is deleted while they are made no more", async () => {
    await observer.flushall();
    const making = listOf("user-1");
    expect((await ask(edge, "DELETE", "/api/v1/conversations/c_1", { user: "user-1" })).status).toBe(204);
    await making;
    const after = await listOf("user-1");
    expect(after.map(({ conversation_id }) => conversation_id)).not.toContain("c_1");
    expect(after).toHaveLength(conversations / users - 1);
  }, 90_000);

  it("have a conversation whose first answer still runs", async () => {
    const client = await world.connect(edge, "newcomer");
    client.send({ type: "message", id: "m1", message: "the first words", conversation_id: "c_running" });
    await client.next("accepted");
    await observer.flushall();
    expect(await listOf("newcomer")).toMatchObject([{ conversation_id: "c_running", title: "the first words" }]);
  }, 90_000);
});

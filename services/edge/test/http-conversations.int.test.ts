import { connectRedis, createToolCatalogue } from "@parley/bus";
import { subjects } from "@parley/protocol";
import { signedIn, eventually, startRedis, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, type Asked } from "./support/http-client.ts";
import type { TestClient } from "./support/test-client.ts";

interface Listed {
  readonly conversation_id: string;
  readonly title: string;
}

let world: World;
let edge: EdgeUnderTest;
let redisServer: Broker;
/** Of the edges. */
let redis: ReturnType<typeof connectRedis>;
/** Of the test. */
let observer: ReturnType<typeof connectRedis>;

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  observer = connectRedis({ url: redisServer.url, role: "cache", log });
  await eventually(() => redis.status === "ready" && observer.status === "ready", { what: "Redis" });
  edge = await world.addEdge({ redis });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  redis.disconnect();
  observer.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

/** One turn, asked over a socket and answered by the test. */
async function turn(client: TestClient, conversation: string, text: string): Promise<void> {
  client.send({
    type: "message",
    id: `${conversation} ${text.slice(0, 40)}`,
    message: text,
    conversation_id: conversation,
  });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id: conversation, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user" }, message: text });
  await world.worker.take(conversation, turn_id).complete(`answer to ${text}`);
}

it("is told whether tool workers have announced themselves", async () => {
  const health = async (): Promise<unknown> => (await ask(edge, "GET", "/health", { user: null })).body;
  expect(await health()).toMatchObject({ status: "ok", tool_workers: "none announced" });
  const parameters = { type: "object", properties: {} };
  const tool = {
    name: "any",
    aliases: [],
    description: "Any.",
    parameters,
    effect: "read" as const,
    timeout_ms: 1_000,
  };
  await createToolCatalogue({ redis: observer, log }).announce([tool]);
  await eventually(async () => JSON.stringify(await health()).includes('"tool_workers":"announced"'), {
    what: "the tool",
  });
});

function list(user: string, query = ""): Promise<Asked> {
  return ask(edge, "GET", `/api/v1/conversations${query}`, { user });
}

/** The list, once it has that many. */
async function listOf(user: string, count: number) {
  return eventually(
    async () => {
      const { conversations } = (await list(user)).body;
      return conversations.length === count ? conversations : undefined;
    },
    { what: `${count} conversations of ${user}` },
  );
}

describe("GET /api/v1/conversations", () => {
  it("lists the caller's conversations, newest first, by the beginning of their first message", async () => {
    const client = await world.connect(edge, "lister");
    await turn(client, "c_l1", `first  words\n${"long ".repeat(40)}`);
    await turn(client, "c_l2", "second");
    await turn(client, "c_l1", "more");
    const conversations = await listOf("lister", 2);
    expect(conversations.map(({ conversation_id }: Listed) => conversation_id)).toEqual(["c_l1", "c_l2"]);
    expect(conversations[0].title).toMatch(/^first words long .{60,}…$/);
    expect(conversations[1]).toMatchObject({ title: "second", updated_at: expect.any(Number) });
    expect((await list("nobody")).body).toEqual({ conversations: [] });
  });

  it("gives pages, each conversation on exactly one", async () => {
    const client = await world.connect(edge, "pager");
    for (let i = 0; i < 5; i++) await turn(client, `c_p${i}`, `m${i}`);
    await listOf("pager", 5);
    const seen: string[] = [];
    let query = "?limit=2";
    for (let more = true; more && seen.length < 9;) {
      const { body } = await list("pager", query);
      seen.push(...body.conversations.map(({ conversation_id }: Listed) => conversation_id));
      query = `?limit=2&cursor=${body.next_cursor}`;
      more = body.next_cursor !== undefined;
    }
    expect(seen).toEqual(["c_p4", "c_p3", "c_p2", "c_p1", "c_p0"]);
    expect((await list("pager", "?cursor=nonsense")).status).toBe(400);
    expect((await list("pager", "?limit=0")).status).toBe(400);
  });

  it("is made again from what is stored when Redis has lost it", async () => {
    const client = await world.connect(edge, "loser");
    await turn(client, "c_x1", "one");
    await turn(client, "c_x2", "two");
    const before = await listOf("loser", 2);
    await observer.flushall();
    const after = (await list("loser")).body.conversations;
    expect(await observer.exists("parley:conversations:unbroken")).toBe(1);
    const plain = (all: Listed[]) => all.map(({ conversation_id, title }) => [conversation_id, title]);
    expect(plain(after)).toEqual(plain(before));
  });

  it("shows a title in place of the first message, whoever gave it, also when Redis was lost", async () => {
    const client = await world.connect(edge, "namer");
    await turn(client, "c_n1", "one");
    await turn(client, "c_n2", "two");
    await listOf("namer", 2);
    const body = { title: "Named over HTTP" };
    expect((await ask(edge, "PUT", "/api/v1/conversations/c_n1/title", { user: "namer", body })).status).toBe(200);
    await world.bus.titles.give("c_n2", { title: "Named by a worker", by: { role: "assistant" } });
    const named = [
      ["c_n2", "Named by a worker"],
      ["c_n1", "Named over HTTP"],
    ];
    const plain = (all: Listed[]) => all.map(({ conversation_id, title }) => [conversation_id, title]);
    expect(plain(await listOf("namer", 2))).toEqual(named);
    await observer.flushall();
    expect(plain(await listOf("namer", 2))).toEqual(named);
  });

  it("says so while Redis is away, and everything else works", async () => {
    await using away = await startRedis({ persist: false });
    const other = connectRedis({ url: signedIn(away.url, "edge"), role: "cache", log });
    await eventually(() => other.status === "ready", { what: "Redis" });
    const alone = await world.addEdge({ redis: other });
    const client = await world.connect(alone, "patient");
    await away.kill("SIGKILL");
    await turn(client, "c_away", "all the same");
    const { status, headers, body } = await ask(alone, "GET", "/api/v1/conversations", { user: "patient" });
    expect([status, body.code, body.retryable]).toEqual([503, "OVERLOADED", true]);
    expect(headers.get("retry-after")).not.toBeNull();
    const messages = await ask(alone, "GET", "/api/v1/conversations/c_away/messages", { user: "patient" });
    expect(messages.body.messages).toHaveLength(2);
    other.disconnect();
  });
});

describe("GET /api/v1/conversations/:id/messages", () => {
  it("gives the transcript a page at a time, the newest page first", async () => {
    const client = await world.connect(edge);
    for (let i = 0; i < 3; i++) await turn(client, "c_t", `q${i}`);
    const page = async (query: string) => (await ask(edge, "GET", `/api/v1/conversations/c_t/messages${query}`)).body;
    const newest = await page("?limit=4");
    const older = await page(`?limit=4&before=${newest.before}`);
    const texts = [...older.messages, ...newest.messages].map(({ message }: { message: string }) => message);
    expect(texts).toEqual(["q0", "answer to q0", "q1", "answer to q1", "q2", "answer to q2"]);
    expect(older.before).toBeUndefined();
  });

  it("gives each message its parts, of a record that has no order sources, text and calls", async () => {
    const call = { call_id: "k", tool_name: "look", arguments: {}, status: "completed", result: "3", duration_ms: 1 };
    const common = { v: 1 as const, conversation_id: "c_parts", turn_id: "t", status: "complete" as const, ts: 1 };
    const metadata = { context: { sources: [{ title: "Pods", file: "pods.md" }] } };
    const answer = { message: "There are 3.", tool_calls: [call], metadata };
    await world.bus.owners.claim("c_parts", "ann");
    await world.bus.transcripts.append(
      { ...common, message_id: "t-u", author: { role: "user" }, message: "how many?" },
      { ...common, message_id: "t-a", author: { role: "assistant" }, ...answer },
    );
    const { messages } = (await ask(edge, "GET", "/api/v1/conversations/c_parts/messages")).body;
    expect(messages).toMatchObject([
      { message: "how many?", parts: [{ type: "text", text: "how many?" }] },
      {
        ...answer,
        parts: [
          { type: "source", title: "Pods", file: "pods.md" },
          { type: "text", text: "There are 3." },
          { type: "tool_call", ...call },
        ],
      },
    ]);
  });

  it("does not show another conversation's messages, whatever place is asked for", async () => {
    await turn(await world.connect(edge, "eve"), "c_eve", "hers");
    await turn(await world.connect(edge), "c_secret", "mine");
    const mine = await ask(edge, "GET", "/api/v1/conversations/c_secret/messages");
    expect(mine.status).toBe(200);
    expect((await ask(edge, "GET", "/api/v1/conversations/c_secret/messages", { user: "eve" })).status).toBe(403);
    for (let before = 1; before < 60; before++) {
      const { body } = await ask(edge, "GET", `/api/v1/conversations/c_eve/messages?before=${before}`, { user: "eve" });
      for (const { message } of body.messages ?? []) expect(["hers", "answer to hers"]).toContain(message);
    }
    expect((await ask(edge, "GET", "/api/v1/conversations/c_none/messages")).status).toBe(404);
  });
});

describe("DELETE /api/v1/conversations/:id", () => {
  const remove = (id: string, user = "ann") => ask(edge, "DELETE", `/api/v1/conversations/${id}`, { user });

  it("leaves nothing of a conversation, and can be repeated", async () => {
    const client = await world.connect(edge, "cleaner");
    await turn(client, "c_d1", "to be deleted");
    await turn(client, "c_d2", "to be kept");
    await listOf("cleaner", 2);
    expect((await remove("c_d1", "cleaner")).status).toBe(204);
    expect((await ask(edge, "GET", "/api/v1/conversations/c_d1/messages", { user: "cleaner" })).status).toBe(404);
    expect((await listOf("cleaner", 1))[0].conversation_id).toBe("c_d2");
    expect(await world.bus.events.last(subjects.eventsOf(0, "c_d1"))).toBeUndefined();
    expect((await world.bus.transcripts.tail("c_d1", { limit: 9 })).turns).toEqual([]);
    expect((await world.bus.transcripts.tail("c_d2", { limit: 9 })).turns).toHaveLength(1);
    expect((await remove("c_d1", "cleaner")).status).toBe(204);
    expect((await remove("c_never-was", "cleaner")).status).toBe(204);
    await observer.flushall();
    expect((await list("cleaner")).body.conversations).toHaveLength(1);
  });

  it("does not wait for the answer to a message that was deleted", async () => {
    const again = { body: { message: "gone", conversation_id: "c_d5" }, headers: { "idempotency-key": "k1" } };
    const asked = ask(edge, "POST", "/api/v1/chat", again);
    const queued = await eventually(() => world.bus.turns.first("c_d5"), { what: "the turn" });
    await world.worker.take("c_d5", queued.request.turn_id).complete("said");
    expect((await asked).status).toBe(200);
    await remove("c_d5");
    expect(await ask(edge, "POST", "/api/v1/chat", again)).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
  });

  it("never lets somebody else have the id", async () => {
    await turn(await world.connect(edge), "c_d3", "mine");
    await remove("c_d3");
    const answer = await ask(edge, "GET", "/api/v1/conversations/c_d3/messages", { user: "eve" });
    expect(answer.status).toBe(403);
    expect((await remove("c_d3", "eve")).status).toBe(403);
    await turn(await world.connect(edge), "c_d3", "begun anew");
    const { body } = await ask(edge, "GET", "/api/v1/conversations/c_d3/messages");
    expect(body.messages.map(({ message }: { message: string }) => message)).toEqual([
      "begun anew",
      "answer to begun anew",
    ]);
  });

  it("cancels what runs, and waits for its end", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "r1", message: "run", conversation_id: "c_d4" });
    const { turn_id } = await client.next("accepted");
    const removed = remove("c_d4");
    const subject = subjects.control(0, "c_d4", turn_id);
    const asked = await eventually(() => world.bus.events.last(subject), { what: "the request to stop" });
    expect(asked.event).toMatchObject({ type: "cancel_requested", by: "ann" });
    await world.worker.take("c_d4", turn_id).complete("stopped");
    expect((await removed).status).toBe(204);
    expect(await world.bus.events.last(subjects.eventsOf(0, "c_d4"))).toBeUndefined();
    expect(await world.bus.turns.waiting("c_d4")).toEqual([]);
  });
});

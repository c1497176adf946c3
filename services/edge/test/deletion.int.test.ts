import { connectRedis, createToolQueue } from "@parley/bus";
import { sessionConversation } from "@parley/dialects";
import { callIdOf, subjects, type ToolJob } from "@parley/protocol";
import { signedIn, eventually, startRedis, startTcpProxy, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, log, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, openStream } from "./support/http-client.ts";
import { createCopyRoute } from "./support/late-copies.ts";
import { connectSeedClient } from "./support/seed-client.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let redisServer: Broker;
/** Of the edges. */
let redis: ReturnType<typeof connectRedis>;
/** Of the test. */
let observer: ReturnType<typeof connectRedis>;
let one: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  redisServer = await startRedis({ persist: false });
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  observer = connectRedis({ url: redisServer.url, role: "cache", log });
  await eventually(() => redis.status === "ready" && observer.status === "ready", { what: "Redis" });
  [one, other] = [await world.addEdge({ redis }), await world.addEdge({ redis })];
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  redis.disconnect();
  observer.disconnect();
  await redisServer[Symbol.asyncDispose]();
});

const marker = "tell nobody";

async function turn(client: TestClient, conversation: string, text: string): Promise<void> {
  client.send({ type: "message", id: `${conversation} ${text}`, message: text, conversation_id: conversation });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id: conversation, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user" }, message: text });
  const worker = world.worker.take(conversation, turn_id);
  await worker.tokens([`${text} again`]);
  await worker.complete(`${text} again`);
}

const remove = (conversation: string, user = "ann") =>
  ask(one, "DELETE", `/api/v1/conversations/${conversation}`, { user });

/** Everything that a client got of a conversation, from the nth frame on. */
function heard(client: TestClient, from: number): string {
  return JSON.stringify(client.frames.slice(from));
}

async function subscribe(edge: EdgeUnderTest, conversation: string, after?: number): Promise<TestClient> {
  const client = await world.connect(edge);
  client.send({ type: "subscribe", conversation_id: conversation, ...(after === undefined ? {} : { after }) });
  await client.next("subscribed");
  return client;
}

describe("a conversation that was deleted at one edge", () => {
  it.each([
    ["it", () => one],
    ["another one", () => other],
  ])("is not served by %s any more, and who looks at it is told", async (_, edge) => {
    const conversation = `c_ring_${edge() === one ? "one" : "other"}`;
    const writer = await world.connect(edge());
    await turn(writer, conversation, marker);
    const viewer = await subscribe(edge(), conversation);
    expect(heard(viewer, 0)).toContain(marker);
    const cursor = viewer.view(conversation).seq;
    const shown = viewer.frames.length;
    expect((await remove(conversation)).status).toBe(204);
    for (const client of [viewer, writer]) {
      expect(await client.next("error")).toEqual({
        type: "error",
        code: "NOT_FOUND",
        error: "This conversation was deleted.",
        retryable: false,
        frame: "delete",
        conversation_id: conversation,
      });
    }
    for (const after of [undefined, 0, cursor - 1, cursor]) {
      const later = await subscribe(edge(), conversation, after);
      later.send({ type: "ping" });
      await later.next("pong");
      expect(heard(later, 0)).not.toContain(marker);
    }
    expect(heard(viewer, shown)).not.toContain(marker);

    // They are viewers still: what is said now begins the conversation anew.
    await turn(writer, conversation, "begun anew");
    await eventually(() => heard(viewer, shown).includes("begun anew again"), { what: "the new answer" });
    expect(heard(viewer, shown)).not.toContain(marker);
    viewer.view(conversation);
  });

  it("is not brought back by copies that come after the notice", async () => {
    const { lose, hold } = createCopyRoute();
    const behind = await world.addEdge({ redis, lose });
    const writer = await world.connect(behind);
    const late = hold("c_late", "said too late");
    await turn(writer, "c_late", marker);
    const client = await world.connect(one);
    client.send({ type: "message", id: "late", message: "more", conversation_id: "c_late" });
    const { turn_id } = await client.next("accepted");
    await eventually(() => heard(writer, 0).includes(turn_id), { what: "the second message" });
    await world.worker.take("c_late", turn_id).complete(`said too late: ${marker}`);
    await late.arrived();
    expect((await remove("c_late")).status).toBe(204);
    await writer.next("error");
    const shown = writer.frames.length;
    late.pass();
    await turn(writer, "c_late", "begun anew");
    await eventually(() => heard(writer, shown).includes("begun anew again"), { what: "the new answer" });
    expect(heard(writer, shown)).not.toContain(marker);
    const later = await subscribe(behind, "c_late", 0);
    await eventually(() => heard(later, 0).includes("begun anew again"), { what: "the new answer" });
    expect(heard(later, 0)).not.toContain(marker);
  });

  it("is not served by an edge that had no connection at that time", async () => {
    await using proxy = await startTcpProxy({ targets: [Number(new URL(world.nats.url).port)] });
    const away = await world.addEdge({ redis, natsUrl: `nats://127.0.0.1:${proxy.port}` });
    const writer = await world.connect(away);
    await turn(writer, "c_away", marker);
    const viewer = await subscribe(away, "c_away");
    proxy.sever();
    await eventually(() => !away.bus.connected(), { what: "the loss" });
    expect((await remove("c_away")).status).toBe(204);
    proxy.heal();
    await eventually(() => away.bus.connected(), { what: "the connection" });
    const isGone = async (): Promise<boolean> => {
      const later = await subscribe(away, "c_away");
      later.send({ type: "ping" });
      await later.next("pong");
      return !heard(later, 0).includes(marker);
    };
    await eventually(isGone, { what: "the hub to forget" });
    for (const client of [writer, viewer]) {
      expect(await client.next("error")).toMatchObject({ frame: "delete", conversation_id: "c_away" });
    }
  });

  it("ends a request that waits for its answer", async () => {
    const path = "/api/v1/chat";
    const asked = ask(other, "POST", path, { body: { message: marker, conversation_id: "c_asked" } });
    const { request } = (await eventually(() => world.bus.turns.first("c_asked"), { what: "the turn" })) ?? {};
    const stream = await openStream(other, { body: { message: "stream", conversation_id: "c_asked" } });
    const queued = await eventually(
      async () => {
        const waiting = await world.bus.turns.waiting("c_asked");
        return waiting.length === 2 ? waiting : undefined;
      },
      { what: "both turns" },
    );
    expect(request?.message).toBe(marker);
    // As if they were over for all but those who wait.
    for (const { seq } of queued) await world.bus.turns.removeFirst(seq);
    expect((await remove("c_asked")).status).toBe(204);
    expect(await asked).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect((await stream.rest()).at(-1)).toMatchObject({ event: "error", frame: { code: "NOT_FOUND" } });
  });
});

describe("the notice of a deletion", () => {
  /** The turn that was asked for last. */
  const newest = async (conversation: string): Promise<string> =>
    (await eventually(async () => (await world.bus.turns.waiting(conversation)).at(-1), { what: "a turn" })).request
      .turn_id;

  it.each([
    ["A", (text: string, id: string) => ({ message: text, conversation_id: id }), (id: string) => id],
    [
      "C",
      (text: string, id: string) => ({ type: "message", message: text, session_id: id }),
      (id: string) => sessionConversation("ann", id),
    ],
  ])("does not come to a client of seed %s that waits in another conversation", async (seed, frame, nameOf) => {
    const client = await connectSeedClient(other.url);
    client.send({ type: "auth", token: await tokenOf("ann") });
    await client.next();
    const deleted = nameOf(`c_deleted_${seed}`);
    client.send(frame("first", `c_deleted_${seed}`));
    const first = world.worker.take(deleted, await newest(deleted));
    client.send(frame("second", `c_kept_${seed}`));
    const kept = nameOf(`c_kept_${seed}`);
    const second = world.worker.take(kept, await newest(kept));
    await first.complete("one");
    await client.until("complete");
    const viewer = await subscribe(other, deleted);
    expect((await remove(deleted)).status).toBe(204);
    await viewer.next("error");
    await second.complete("two");
    expect((await client.until("complete")).map(({ type }) => type)).not.toContain("error");
    client.close();
  });

  it("leaves alone who waits for a turn that was spared", async () => {
    const conversation = "c_spared";
    const client = await connectSeedClient(other.url);
    client.send({ type: "auth", token: await tokenOf("ann") });
    await client.next();
    await turn(await world.connect(other), conversation, "before");
    const path = "/api/v1/chat";
    const asked = ask(other, "POST", path, { body: { message: "answer", conversation_id: conversation } });
    const first = await newest(conversation);
    const stream = await openStream(other, { body: { message: "stream", conversation_id: conversation } });
    await eventually(async () => (await newest(conversation)) !== first, { what: "both turns" });
    const second = await newest(conversation);
    client.send({ type: "message", message: "seed", session_id: conversation });
    await eventually(async () => (await newest(conversation)) !== second, { what: "all turns" });
    const third = await newest(conversation);
    await eventually(async () => (await world.bus.events.read(conversation, { fromSeq: 1 })).length > 5, {
      what: "all messages",
    });
    const viewer = await subscribe(other, conversation);
    // As if they had been accepted just after it was looked how far the conversation goes.
    await world.bus.conversations.announceDeletion(conversation, { events: 1 });
    await viewer.next("error");
    for (const id of [first, second, third]) await world.worker.take(conversation, id).complete(`of ${id}`);
    expect(await asked).toMatchObject({ status: 200, body: { response: `of ${first}` } });
    expect((await stream.rest()).at(-1)).toMatchObject({ event: "complete", frame: { response: `of ${second}` } });
    expect((await client.until("complete")).map(({ type }) => type)).toEqual(["complete"]);
    client.close();
  });
});

describe("the deletion of a conversation", () => {
  const job = (conversation: string, turn_id: string): ToolJob => ({
    ...{ v: 1, call_id: callIdOf(turn_id, 0, 0), tool_name: "demo_echo", arguments: { text: marker } },
    ...{ conversation_id: conversation, turn_id, user: { id: "ann" }, timeout_ms: 1_000 },
  });

  async function inRedis(): Promise<string> {
    const keys = await observer.keys("bull:*");
    const values = await Promise.all(
      keys.map(async (key) => ((await observer.type(key)) === "hash" ? observer.hgetall(key) : key)),
    );
    return JSON.stringify(values);
  }

  it("drops its tool calls from the queue", async () => {
    const queue = createToolQueue({ url: signedIn(redisServer.url, "agent"), log });
    await eventually(() => queue.ready(), { what: "the queue" });
    await turn(await world.connect(one), "c_jobs", "with a tool");
    const mine = job("c_jobs", "t_jobs");
    await queue.add(mine);
    await world.bus.events.append({
      subject: subjects.toolResult(0, "c_jobs", "t_jobs", mine.call_id),
      data: Buffer.from("{}"),
    });
    expect(await inRedis()).toContain(marker);
    expect((await remove("c_jobs")).status).toBe(204);
    expect(await inRedis()).not.toContain(marker);
    await queue.close();
  });

  it("spares a message that is accepted when nothing runs any more", async () => {
    const client = await world.connect(other);
    for (let round = 0; round < 20; round++) {
      const conversation = `c_race_${round}`;
      await turn(client, conversation, marker);
      const removed = remove(conversation);
      client.send({ type: "message", id: `race ${round}`, message: "at that moment", conversation_id: conversation });
      const { turn_id } = await client.next("accepted");
      await world.worker.take(conversation, turn_id).complete("answered all the same");
      expect((await removed).status).toBe(204);
      expect(await client.next("complete")).toBeDefined();
      const kept = await world.bus.events.read(conversation, { fromSeq: 1 });
      const ofTurn = kept.filter(({ subject }) => subject.includes(turn_id));
      // Either all of it is there, or nothing is.
      expect([0, 2]).toContain(ofTurn.filter(({ subject }) => /\.(user|a)$/.test(subject)).length);
      expect(kept).toHaveLength(ofTurn.length);
    }
  });
});

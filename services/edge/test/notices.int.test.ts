import { randomUUID } from "node:crypto";
import { eventually, signedIn, startRedis, startService, type Broker, type Service } from "@parley/testkit";
import { connectRedis } from "@parley/bus";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { startNoticeReceiver, webhookSecret, type NoticeReceiver } from "./support/notice-receiver.ts";
import { createRoom, enter, look } from "./support/room-fixture.ts";
import { ask } from "./support/http-client.ts";

let world: World;
let server: Broker;
let redis: ReturnType<typeof connectRedis>;
let receiver: NoticeReceiver;
let worker: Service;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

const noticeDelayMs = 4_000;

beforeAll(async () => {
  [world, server, receiver] = await Promise.all([createWorld(), startRedis({ persist: false }), startNoticeReceiver()]);
  redis = connectRedis({ url: signedIn(server.url, "edge"), role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  edges = [await world.addEdge({ redis, noticeDelayMs }), await world.addEdge({ redis, noticeDelayMs })];
  worker = await startService("tool-worker", {
    ...{ NATS_URL: world.nats.url, REDIS_URL: server.url, LOG_LEVEL: "warn" },
    ...{ NOTICE_WEBHOOK_URL: receiver.url, NOTICE_WEBHOOK_SECRET: webhookSecret },
  });
}, 120_000);
afterAll(async () => {
  redis.disconnect();
  await world[Symbol.asyncDispose]();
  for (const one of [worker, receiver, server]) await one[Symbol.asyncDispose]();
});

/** Of both edges. */
async function counted(kind: string, result: string): Promise<number> {
  const metrics = await Promise.all(
    edges.map(async ({ registry }) => await registry.getSingleMetric("parley_edge_notices_total")?.get()),
  );
  const values = metrics.flatMap((metric) => metric?.values ?? []);
  const fit = values.filter(({ labels }) => labels["kind"] === kind && labels["result"] === result);
  return fit.reduce((sum, { value }) => sum + value, 0);
}

const untilCounted = (kind: string, result: string, count: number): Promise<unknown> =>
  eventually(async () => (await counted(kind, result)) === count, {
    what: `${count} of ${kind} ${result}`,
    timeoutMs: 15_000,
  });

/** Nobody has the same name twice: what was sent of one test is not taken for what was of another. */
const named = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`;

it("are sent to members whom a message mentions, once though it comes again on two edges, signed and without its text", async () => {
  const [bert, cora] = [named("bert"), named("cora")];
  const id = await createRoom(world, { writers: [bert, cora] });
  const devices = [await enter(edges[0], "ann"), await enter(edges[1], "ann")];
  const said = { type: "message", id: "m1", message: "a secret", conversation_id: id };
  const mentions = [bert, "ann", "nobody-here"];
  for (const device of devices) device.send({ ...said, mentions });
  const [accepted] = await Promise.all(devices.map((device) => device.next("accepted")));
  const [notice] = await receiver.until(bert);
  expect(notice).toMatchObject({
    isSigned: true,
    id: expect.stringMatching(/^ntc_/),
    body: { type: "mention", user_id: bert, conversation_id: id, message_id: accepted?.message_id, by: { id: "ann" } },
  });
  expect(Math.abs(Date.now() / 1_000 - (notice?.atS ?? 0))).toBeLessThan(60);
  expect(JSON.stringify(notice)).not.toContain("secret");
  // Said once more after it was sent, and another one behind that.
  devices[1]?.send({ ...said, mentions });
  devices[1]?.send({ ...said, id: "m2", mentions: [cora] });
  await receiver.until(cora);
  expect(receiver.of(bert)).toHaveLength(1);
  expect(receiver.of("ann")).toEqual([]);
  expect(receiver.of("nobody-here")).toEqual([]);
  for (const device of devices) device.close();
});

it("are sent to whoever wrote what a message replies to", async () => {
  const bert = named("bert");
  const id = await createRoom(world, { writers: [bert] });
  const writer = await look(edges[1], bert, id);
  writer.send({ type: "message", id: "m1", message: "what now?", conversation_id: id });
  const { message_id } = await writer.next("accepted");
  writer.close();
  const ann = await enter(edges[0], "ann");
  ann.send({ type: "message", id: "m2", message: "this", conversation_id: id, reply_to: message_id });
  await ann.next("accepted");
  expect((await receiver.until(bert))[0]?.body).toMatchObject({ type: "reply", by: { id: "ann" } });
  ann.close();
});

it("are not sent to who looks on at another edge, has read, or has no part in it any more, nor of what was deleted", async () => {
  const [there, reader, gone, away, deleted] = ["there", "reader", "gone", "away", "deleted"].map(named);
  if (!there || !reader || !gone || !away || !deleted) throw new Error("a name is missing");
  const id = await createRoom(world, { writers: [there, reader, gone, away, deleted] });
  const looking = await look(edges[1], there, id);
  const ann = await enter(edges[0], "ann");
  const before = await Promise.all(["present", "read", "removed"].map((result) => counted("mention", result)));
  const say = async (name: string, mentions: string[]) => {
    ann.send({ type: "message", id: name, message: "hello", conversation_id: id, mentions });
    return (await ann.next("accepted")).message_id;
  };
  const wrong = await say("m1", [deleted]);
  const message = await say("m2", [there, reader, gone, away]);
  const place = await world.bus.readMarks.placeOf(id, message);
  if (place === undefined) throw new Error("the message has no place");
  await Promise.all([
    world.bus.readMarks.move(id, { id: reader }, place),
    ask(edges[0], "DELETE", `/api/v1/conversations/${id}/messages/${wrong}`, { user: "ann" }),
    ask(edges[0], "DELETE", `/api/v1/conversations/${id}/members/${gone}`, { user: "ann" }),
  ]);
  await receiver.until(away);
  await untilCounted("mention", "present", (before[0] ?? 0) + 1);
  await untilCounted("mention", "read", (before[1] ?? 0) + 1);
  await untilCounted("mention", "removed", (before[2] ?? 0) + 2);
  for (const user of [there, reader, gone, deleted]) expect(receiver.of(user)).toEqual([]);
  for (const client of [looking, ann]) client.close();
});

it("are sent of all messages to who wants that, of none to who wants none, and with their beginning where the operator wants that", async () => {
  const [bert, cora, dora] = [named("bert"), named("cora"), named("dora")];
  await world.bus.noticeRecords.change(bert, () => ({ wants: "all", devices: [] }));
  await world.bus.noticeRecords.change(dora, () => ({ wants: "none", devices: [] }));
  const id = await createRoom(world, { writers: [bert, cora, dora] });
  const edge = await world.addEdge({ redis, noticeDelayMs, noticeText: true });
  const ann = await enter(edge, "ann");
  const message = `  a\nlong one ${"\u{1F600}".repeat(300)}`;
  ann.send({ type: "message", id: "m1", message, conversation_id: id });
  ann.send({ type: "message", id: "m2", message: "to you", conversation_id: id, mentions: [bert, cora, dora] });
  const [first, second] = await receiver.until(bert, 2);
  expect(first?.body).toMatchObject({ type: "message", text: `a long one ${"\u{1F600}".repeat(148)}…` });
  expect(second?.body).toMatchObject({ type: "mention", text: "to you" });
  await receiver.until(cora);
  expect(receiver.of(cora)).toHaveLength(1);
  expect(receiver.of(dora)).toEqual([]);
  ann.close();
});

it("are not made where they are switched off, nor in a conversation of one", async () => {
  const off = await world.addEdge({ redis });
  const dora = named("dora");
  const id = await createRoom(world, { writers: [dora] });
  const made = await counted("mention", "made");
  const before = (await redis.exists("bull:notices:delayed")) + (await redis.zcard("bull:notices:delayed"));
  const ann = await enter(off, "ann");
  ann.send({ type: "message", id: "m1", message: "hello", conversation_id: id, mentions: [dora] });
  await ann.next("accepted");
  expect(off.registry.getSingleMetric("parley_edge_notices_total")).toBeUndefined();
  expect((await redis.exists("bull:notices:delayed")) + (await redis.zcard("bull:notices:delayed"))).toBe(before);
  const alone = await enter(edges[0], "ann");
  alone.send({ type: "message", id: "m1", message: "hello", mentions: [dora] });
  await alone.next("accepted");
  expect(await counted("mention", "made")).toBe(made);
  for (const client of [ann, alone]) client.close();
});

it("are lost and counted without Redis, and the message is not", async () => {
  const bert = named("bert");
  const id = await createRoom(world, { writers: [bert] });
  const lost = await counted("mention", "lost");
  const closed = connectRedis({ url: "redis://127.0.0.1:1", role: "cache", log });
  const edge = await world.addEdge({ redis: closed, noticeDelayMs });
  edges = [edges[0], edge];
  const ann = await enter(edge, "ann");
  ann.send({ type: "message", id: "m1", message: "hello", conversation_id: id, mentions: [bert] });
  expect(await ann.next("accepted")).toMatchObject({ posted: true });
  await untilCounted("mention", "lost", lost + 1);
  ann.close();
  closed.disconnect();
});

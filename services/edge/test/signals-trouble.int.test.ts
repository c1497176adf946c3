import { connectRedis, createOfferBoard } from "@parley/bus";
import { limits, subjects } from "@parley/protocol";
import { eventually, signedIn, startRedis, startTcpProxy, type Broker } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, log, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { createRoom, enter, idsOf, letIn, lookAt, record, sendAway, toldOf, untilPresent } from "./support/rooms.ts";
import { connectClient } from "./support/test-client.ts";

let world: World;
let redisServer: Broker;
let redis: ReturnType<typeof connectRedis>;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

beforeAll(async () => {
  [world, redisServer] = await Promise.all([createWorld(), startRedis({ persist: false })]);
  redis = connectRedis({ url: signedIn(redisServer.url, "edge"), role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  edges = [await world.addEdge({ redis }), await world.addEdge({ redis })];
}, 60_000);
afterAll(async () => {
  redis.disconnect();
  await world[Symbol.asyncDispose]();
  await redisServer[Symbol.asyncDispose]();
});

it("says of agents whether they answer, and whether a worker has been heard of", async () => {
  const board = connectRedis({ url: signedIn(redisServer.url, "agent"), role: "cache", log });
  await eventually(() => board.status === "ready", { what: "Redis" });
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  const agents = [
    { handle: "helper", agent: "general" },
    { handle: "ghost", agent: "gone" },
  ];
  await world.bus.people.change(id, (people) => ({ people: { ...people, agents } }));
  const offer = { models: [], isSimulated: true };
  await createOfferBoard({ redis: board, log }).announceAgents({
    agents: [{ name: "general", description: "" }],
    ...offer,
  });
  const ann = await lookAt(edges[0], "ann", id);
  const untilAgents = (states: string): Promise<unknown> =>
    eventually(
      () =>
        toldOf(ann, "presence")
          ?.agents.map(({ name, state }) => `${name} ${state}`)
          .join() === states,
      {
        what: states,
        timeoutMs: 15_000,
      },
    );
  await untilAgents("helper ready,ghost away");
  ann.send({ type: "message", id: "m2", message: "@helper hello", conversation_id: id });
  const { turn_id } = await ann.next("accepted");
  const turn = world.worker.take(id, turn_id);
  const common = { conversation_id: id, turn_id, ts: 1, attempt: 1, n: 0 };
  await turn.append({ type: "progress", ...common, step: "agent_routing", message: "", agent: "general" });
  await untilAgents("helper answering,ghost away");
  await turn.complete("Hello.");
  await untilAgents("helper ready,ghost away");
  board.disconnect();
}, 60_000);

it("begins for those who look on already when somebody is let in, and tells strangers and older clients nothing", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann"]);
  const ann = await lookAt(edges[0], "ann", id);
  const older = await connectClient(edges[0].url);
  older.send({ type: "auth", token: await tokenOf("ann") });
  older.send({ type: "subscribe", conversation_id: id });
  await older.next("subscribed");
  await letIn(world.bus, id, ["ben"]);
  await letIn(world.bus, id, ["cleo"], "reader");
  const ben = await lookAt(edges[1], "ben", id);
  const cleo = await lookAt(edges[1], "cleo", id);
  await untilPresent(ann, ["ann", "ben", "cleo"]);
  await untilPresent(cleo, ["ann", "ben", "cleo"]);
  cleo.send({ type: "typing", conversation_id: id, on: true });
  expect(await cleo.next("error")).toMatchObject({ code: "FORBIDDEN", frame: "typing" });
  const stan = await enter(edges[0], "stan");
  for (const frame of [{ type: "typing", on: true }, { type: "read" }, { type: "subscribe" }]) {
    stan.send({ ...frame, conversation_id: id });
    expect(await stan.next("error")).toMatchObject({ code: "FORBIDDEN", frame: frame.type });
  }
  expect([toldOf(stan, "presence"), toldOf(older, "presence"), toldOf(ann, "typing")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  await sendAway(world.bus, id, "ben");
  await untilPresent(ann, ["ann", "cleo"]);
  ben.send({ type: "typing", conversation_id: id, on: true });
  expect(await ben.next("error")).toMatchObject({ code: "FORBIDDEN" });
}, 60_000);

it("answers who asks over HTTP at an edge where nobody looks on", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  const ann = await lookAt(edges[0], "ann", id);
  await untilPresent(ann, ["ann"]);
  const asked = await Promise.all(
    [0, 1, 1].map((at) => ask(edges[at] ?? edges[0], "GET", `/api/v1/conversations/${id}/presence`, { user: "ben" })),
  );
  for (const { status, body } of asked) {
    expect(status).toBe(200);
    expect(body).toMatchObject({ conversation_id: id, users: [{ id: "ann" }], online: 1 });
  }
  const lone = await createRoom(world.bus, edges[0], ["ann"]);
  const { body } = await ask(edges[0], "GET", `/api/v1/conversations/${lone}/presence`);
  expect(body).toEqual({ conversation_id: lone, users: [], online: 0, agents: [] });
});

it("has marks in snapshots of the whole conversation", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  await record(world.bus, id, "t1", { asker: "ann", answer: "Yes." });
  const ben = await lookAt(edges[1], "ben", id);
  ben.send({ type: "read", conversation_id: id });
  await ben.next("read", { timeoutMs: 10_000 });
  const again = await lookAt(edges[1], "ben", id);
  const { reads } = await again.next("snapshot");
  expect(reads).toMatchObject([{ user: { id: "ben" }, message_id: "t1-a" }]);
});

it("lets go of whom it cannot hear while the broker is away, and knows them again when it is back", async () => {
  await using proxy = await startTcpProxy({ targets: [world.nats.port] });
  const cut = await world.addEdge({ natsUrl: `nats://127.0.0.1:${proxy.port}` });
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  const ann = await lookAt(edges[0], "ann", id);
  const ben = await lookAt(cut, "ben", id);
  await untilPresent(ben, ["ann", "ben"]);
  proxy.sever();
  await untilPresent(ann, ["ann"], limits.signalMs + 8_000);
  await untilPresent(ben, ["ben"], limits.signalMs + 8_000);
  proxy.heal();
  await untilPresent(ann, ["ann", "ben"], 20_000);
  await untilPresent(ben, ["ann", "ben"], 20_000);
}, 90_000);

it("passes over what is no signal, and believes no edge more than there is room for", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  const ann = await lookAt(edges[0], "ann", id);
  await untilPresent(ann, ["ann"]);
  const subject = subjects.signal(world.bus.events.shardOf(id), id);
  for (const bad of ["", "{", '{"edge":1}', Uint8Array.from([0xff, 0xfe])]) world.bus.nc.publish(subject, bad);
  const crowd = Array.from({ length: limits.roomMembersShown + 1 }, (_, i) => ({ id: `u${i}` }));
  world.bus.nc.publish(subject, JSON.stringify({ edge: "other", present: crowd, typing: crowd }));
  await eventually(() => toldOf(ann, "presence")?.online === crowd.length + 1, {
    what: "all of them",
    timeoutMs: 5_000,
  });
  expect(toldOf(ann, "presence")?.users).toEqual([]);
  expect(idsOf(toldOf(ann, "typing")?.users).length).toBe(limits.roomMembersShown);
});

import { EdgeSignal, limits, streams, subjects } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { createRoom, lookAt, toldOf, untilPresent, untilTyping } from "./support/rooms.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];

beforeAll(async () => {
  world = await createWorld();
  edges = [await world.addEdge(), await world.addEdge()];
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

describe("who is there, and who types", () => {
  it("is told on both edges, once for each user, and ends with their last socket", async () => {
    const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
    const ann = await lookAt(edges[0], "ann", id);
    const ben = await lookAt(edges[1], "ben", id);
    const again = await lookAt(edges[1], "ann", id);
    await untilPresent(ann, ["ann", "ben"]);
    await untilPresent(ben, ["ann", "ben"]);
    expect(toldOf(ann, "presence")).toMatchObject({ conversation_id: id, online: 2 });
    again.terminate();
    ann.close();
    const closedMs = performance.now();
    await untilPresent(ben, ["ben"]);
    expect(performance.now() - closedMs).toBeLessThan(limits.signalEveryMs * 2 + 500);
  });

  it("ends typing with the message, with the word, and with time", async () => {
    const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
    const ann = await lookAt(edges[0], "ann", id);
    const ben = await lookAt(edges[1], "ben", id);
    await untilPresent(ann, ["ann", "ben"]);
    ben.send({ type: "typing", conversation_id: id, on: true });
    await untilTyping(ann, ["ben"]);
    await untilTyping(ben, ["ben"]);
    ben.send({ type: "message", id: "b1", message: "I am here", conversation_id: id });
    await untilTyping(ann, [], 4_000);
    ben.send({ type: "typing", conversation_id: id, on: true });
    await untilTyping(ann, ["ben"]);
    ben.send({ type: "typing", conversation_id: id, on: false });
    await untilTyping(ann, [], 4_000);
    ben.send({ type: "typing", conversation_id: id, on: true });
    await untilTyping(ann, ["ben"]);
    await untilTyping(ann, [], limits.typingMs + 4_000);
  }, 60_000);
});

it("says nothing of a conversation of one, and asks the broker for nothing of it", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann"]);
  const seen: string[] = [];
  const watch = (subject: string) =>
    world.bus.nc.subscribe(subject, {
      callback: (_, message) => void seen.push(`${message.subject} ${Buffer.from(message.data).toString("latin1")}`),
    });
  const watching = [subjects.allSignals, subjects.allReads(0), `${subjects.directGet(streams.log(0))}.>`].map(watch);
  await world.bus.nc.flush();
  const ann = await lookAt(edges[0], "ann", id);
  ann.send({ type: "typing", conversation_id: id, on: true });
  ann.send({ type: "read", conversation_id: id });
  ann.send({ type: "message", id: "m2", message: "again", conversation_id: id });
  await ann.next("accepted");
  // A room beside it: by the time it is known, so would be whatever was said of this one.
  const room = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  const ben = await lookAt(edges[0], "ben", room);
  await untilPresent(ben, ["ben"]);
  const shard = world.bus.events.shardOf(id);
  const ofRooms = [subjects.signal, subjects.post].map((subject) => subject(shard, id));
  const isOfRooms = (text: string): boolean =>
    [...ofRooms, subjects.readsOf(shard, id).replace(".*", "")].some((subject) => text.includes(subject));
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.some((text) => text.includes(room))).toBe(true);
  expect(seen.filter(isOfRooms)).toEqual([]);
  expect(ann.frames.filter(({ type }) => ["presence", "typing", "read"].includes(type))).toEqual([]);
  for (const subscription of watching) subscription.unsubscribe();
});

it("says at most one thing a second, whatever happens, and repeats it while somebody looks on", async () => {
  const id = await createRoom(world.bus, edges[0], ["ann", "ben"]);
  const heard: { readonly atMs: number; readonly signal: EdgeSignal }[] = [];
  const listening = world.bus.nc.subscribe(subjects.signal(world.bus.events.shardOf(id), id), {
    callback: (_, message) => void heard.push({ atMs: performance.now(), signal: EdgeSignal.parse(message.json()) }),
  });
  const ann = await lookAt(edges[0], "ann", id);
  const beganMs = performance.now();
  for (let i = 0; performance.now() - beganMs < 3_000; i++) {
    ann.send({ type: "typing", conversation_id: id, on: i % 2 === 0 });
    ann.send({ type: "ping" });
    await ann.next("pong");
  }
  const gaps = heard.slice(1).map(({ atMs }, i) => atMs - (heard[i]?.atMs ?? 0));
  expect(heard.length).toBeGreaterThan(1);
  expect(Math.min(...gaps)).toBeGreaterThan(limits.signalEveryMs - 100);
  const { length } = heard;
  await eventually(() => heard.length > length + 1, { what: "a repetition", timeoutMs: 15_000 });
  listening.unsubscribe();
}, 40_000);

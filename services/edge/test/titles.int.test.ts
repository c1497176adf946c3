import { encodeJson, streams, subjects, type TitleRecord } from "@parley/protocol";
import { eventually, startNatsProxy } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";
import { createCopyRoute } from "./support/late-copies.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  other = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A conversation with one answered message, and the client that asked. */
async function begun(conversation_id: string, place = edge, message = "hello"): Promise<TestClient> {
  const client = await world.connect(place);
  await say(client, conversation_id, message);
  return client;
}

async function say(client: TestClient, conversation_id: string, message: string): Promise<void> {
  client.send({ type: "message", id: message, message, conversation_id });
  const { turn_id, message_id } = await client.next("accepted");
  const common = { v: 1 as const, conversation_id, turn_id, status: "complete" as const, ts: Date.now() };
  await world.bus.transcripts.append({ ...common, message_id, author: { role: "user" }, message });
  await world.worker.take(conversation_id, turn_id).complete(`${message} answered`);
  await client.next("complete");
}

async function subscribe(place: EdgeUnderTest, conversation_id: string, after?: number): Promise<TestClient> {
  const client = await world.connect(place);
  client.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  await client.next("subscribed");
  return client;
}

const give = (id: string, title: unknown, user = "ann") =>
  ask(edge, "PUT", `/api/v1/conversations/${id}/title`, { user, body: { title } });

async function hasTitle(client: TestClient, conversation: string, title: string): Promise<void> {
  await eventually(() => client.view(conversation).title === title, { what: `the title ${title}` });
}

describe("the title of a conversation", () => {
  it("is told to every device at once, through whichever edge, by frame and over HTTP", async () => {
    const client = await begun("c_told");
    const elsewhere = await subscribe(other, "c_told");
    await elsewhere.next("snapshot");
    client.send({ type: "title", conversation_id: "c_told", title: "  Checkout\n crashes " });
    const by = { role: "user", id: "ann" };
    for (const device of [client, elsewhere])
      expect(await device.next("title")).toMatchObject({ title: "Checkout crashes", n: 1, by });
    expect(await give("c_told", "Another one")).toMatchObject({ status: 200, body: { title: "Another one" } });
    for (const device of [client, elsewhere]) expect(await device.next("title")).toMatchObject({ n: 2 });
    expect(client.view("c_told").title).toBe("Another one");
    const seqs = [client, elsewhere].map(({ frames }) =>
      frames.flatMap((one) => (one.type === "title" ? one.seq : [])),
    );
    expect(seqs[0]).toEqual(seqs[1]);
  });

  it("is in snapshots and beside the messages over HTTP, also when its events are forgotten", async () => {
    await begun("c_kept");
    await give("c_kept", "Kept");
    await world.bus.nc.request(
      "$JS.API.STREAM.PURGE.EV_0",
      JSON.stringify({ filter: subjects.eventsOf(0, "c_kept") }),
      { timeout: 2_000 },
    );
    for (const place of [edge, other]) {
      const viewer = await subscribe(place, "c_kept");
      expect(await viewer.next("snapshot")).toMatchObject({ title: "Kept" });
    }
    const { body } = await ask(other, "GET", "/api/v1/conversations/c_kept/messages", { user: "ann" });
    expect(body).toMatchObject({ title: "Kept", messages: [{}, {}] });
  });

  it("comes in the replay after a cursor", async () => {
    const client = await begun("c_replayed");
    const { seq } = client.view("c_replayed");
    client.close();
    await give("c_replayed", "While you were away");
    for (const place of [edge, other, await world.addEdge()]) {
      const back = await subscribe(place, "c_replayed", seq);
      await hasTitle(back, "c_replayed", "While you were away");
    }
  });

  it("is not lost on who has its cursor or a later one", async () => {
    const client = await begun("c_later");
    await give("c_later", "First");
    await hasTitle(client, "c_later", "First");
    const at = client.view("c_later").seq;
    await give("c_later", "Second");
    await hasTitle(client, "c_later", "Second");
    await say(client, "c_later", "more");
    for (const place of [edge, await world.addEdge()]) {
      await hasTitle(await subscribe(place, "c_later", at), "c_later", "Second");
    }
  });

  it("is kept whole up to its limit, counted in characters, and without control characters", async () => {
    await begun("c_signs");
    for (const title of ["😀".repeat(200), `a${"😀".repeat(199)}`]) {
      expect(await give("c_signs", title)).toMatchObject({ status: 200, body: { title } });
    }
    expect((await give("c_signs", "a\u0000b\u001b[31m\u007f")).body).toMatchObject({ title: "a b [31m" });
    expect((await give("c_signs", "\u0000\u0007")).body).toMatchObject({ code: "INVALID_FRAME" });
  });

  it.each([
    ["empty", "   "],
    ["too long", "x".repeat(201)],
    ["no text", 7],
  ])("is refused where it is %s", async (_, title) => {
    const client = await begun("c_refused");
    client.send({ type: "title", conversation_id: "c_refused", title });
    expect(await client.next("error")).toMatchObject({ code: "INVALID_FRAME", frame: "title" });
    expect((await give("c_refused", title)).body).toMatchObject({ code: "INVALID_FRAME" });
  });

  it("is given by its owner only, and only where something was said", async () => {
    await begun("c_owned");
    expect((await give("c_owned", "mine", "bob")).body).toMatchObject({ code: "FORBIDDEN" });
    expect((await give("c_nowhere", "none")).body).toMatchObject({ code: "NOT_FOUND" });
    await world.bus.owners.claim("c_silent", "ann");
    expect((await give("c_silent", "none")).body).toMatchObject({ code: "NOT_FOUND" });
  });

  it("P7: is kept once, however often it is changed", async () => {
    await begun("c_renamed");
    for (const title of ["one", "two", "three"]) expect(await give("c_renamed", title)).toMatchObject({ status: 200 });
    const subject = subjects.title(0, "c_renamed");
    const query = JSON.stringify({ subjects_filter: subject });
    const info = await world.bus.nc.request(`$JS.API.STREAM.INFO.${streams.log(0)}`, query);
    const { state } = info.json<{ state: { subjects?: Record<string, number> } }>();
    expect(state.subjects).toEqual({ [subject]: 1 });
    expect(await world.bus.titles.of("c_renamed")).toBe("three");
  });

  it("may be given while the first answer runs", async () => {
    const client = await world.connect(edge);
    client.send({ type: "message", id: "m", message: "hello", conversation_id: "c_running" });
    await client.next("accepted");
    expect(await give("c_running", "Early")).toMatchObject({ status: 200 });
    expect(await (await subscribe(other, "c_running")).next("snapshot")).toMatchObject({ title: "Early" });
  });

  it("goes with the conversation, and one that comes too late does not bring it back", async () => {
    await begun("c_gone");
    await give("c_gone", "Secret");
    const place = await world.bus.titles.placeOf("c_gone");
    expect(await ask(edge, "DELETE", "/api/v1/conversations/c_gone", { user: "ann" })).toMatchObject({ status: 204 });
    expect(await world.bus.titles.of("c_gone")).toBeUndefined();
    expect((await give("c_gone", "Again")).body).toMatchObject({ code: "NOT_FOUND" });
    const again = await begun("c_gone", edge, "a new one");
    const late = { title: "From before", by: { role: "assistant" } };
    expect(await world.bus.titles.give("c_gone", late, { onlyAfter: place })).toBeUndefined();
    expect(await (await subscribe(other, "c_gone")).next("snapshot")).not.toHaveProperty("title");
    await give("c_gone", "New");
    await hasTitle(again, "c_gone", "New");
  });

  it("is told to who looks on when somebody comes, where the process died that had stored it", async () => {
    const client = await begun("c_untold");
    const kept: TitleRecord = { v: 1, kind: "title", conversation_id: "c_untold", n: 1, title: "Untold", ts: 1 };
    await world.bus.events.append({ subject: subjects.title(0, "c_untold"), data: encodeJson(kept), expect: 0 });
    await eventually(
      async () => {
        const other = await subscribe(edge, "c_untold");
        expect(await other.next("snapshot")).toMatchObject({ title: "Untold" });
        other.close();
        return client.view("c_untold").title === "Untold";
      },
      { what: "the title", intervalMs: 300 },
    );
    expect(client.frames.filter(({ type }) => type === "title")).toMatchObject([{ n: 1 }]);
  });

  it("is one of many that come at once: all devices, the record and the list have the same", async () => {
    const client = await begun("c_many");
    const elsewhere = await subscribe(other, "c_many");
    const given = await Promise.all(Array.from({ length: 20 }, (_, i) => give("c_many", `title ${i}`)));
    expect(given.every(({ status }) => status === 200)).toBe(true);
    const kept = await world.bus.titles.of("c_many");
    for (const device of [client, elsewhere]) await hasTitle(device, "c_many", kept!);
    const numbers = client.frames.flatMap((frame) => (frame.type === "title" ? frame.n : []));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(numbers.at(-1)).toBe(20);
  });
});

describe("a title whose copy comes late", () => {
  it("is brought to those who are past it in a snapshot, and to others in its place", async () => {
    const route = createCopyRoute();
    const place = await world.addEdge({ lose: route.lose });
    const client = await begun("c_late", place);
    const quiet = await subscribe(place, "c_late", client.view("c_late").seq);
    const held = route.hold("c_late", '"type":"title"');
    await give("c_late", "Overtaken");
    await say(client, "c_late", "past it");
    await held.arrived();
    expect(client.view("c_late").title).toBeUndefined();
    held.pass();
    for (const device of [client, quiet]) await hasTitle(device, "c_late", "Overtaken");
  });

  it("is not lost on who is cut before it comes, and goes on elsewhere", async () => {
    const route = createCopyRoute();
    const place = await world.addEdge({ lose: route.lose });
    const client = await begun("c_cut", place);
    const held = route.hold("c_cut", '"type":"title"');
    await give("c_cut", "Overtaken");
    await say(client, "c_cut", "past it");
    await held.arrived();
    const { seq } = client.view("c_cut");
    client.terminate();
    for (const next of [place, other, await world.addEdge()]) {
      await hasTitle(await subscribe(next, "c_cut", seq), "c_cut", "Overtaken");
    }
  });

  it("comes on the wire behind what was stored after it, as from a broker whose publishers overtake each other", async () => {
    let pass = (): void => {};
    const held = new Promise<void>((resolve) => (pass = resolve));
    await using proxy = await startNatsProxy({
      targets: [world.nats.port],
      treat: ({ subject }) => (subject.endsWith(".c_wire.title") ? { hold: held } : undefined),
    });
    const place = await world.addEdge({ natsUrl: `nats://127.0.0.1:${proxy.port}` });
    const client = await begun("c_wire", place);
    await give("c_wire", "Overtaken");
    await say(client, "c_wire", "past it");
    const { seq } = client.view("c_wire");
    expect(client.view("c_wire").title).toBeUndefined();
    await hasTitle(await subscribe(other, "c_wire", seq), "c_wire", "Overtaken");
    pass();
    await hasTitle(client, "c_wire", "Overtaken");
    expect(proxy.figures.held).toBeGreaterThan(0);
    expect(await metricOf(place, "parley_edge_late_total")).toBe(1);
    await place.stop();
    await place.bus.close();
  });

  it("brings what it has overtaken itself", async () => {
    const route = createCopyRoute();
    const place = await world.addEdge({ lose: route.lose });
    const client = await world.connect(place);
    client.send({ type: "message", id: "m", message: "hello", conversation_id: "c_first" });
    const { turn_id } = await client.next("accepted");
    const held = route.hold("c_first", '"type":"complete"');
    await world.worker.take("c_first", turn_id).complete("all");
    await held.arrived();
    await give("c_first", "Quicker than the end");
    await client.next("title");
    const { seq } = client.view("c_first");
    client.terminate();
    const back = await subscribe(await world.addEdge(), "c_first", seq);
    await eventually(() => back.view("c_first").transcript.some(({ message }) => message === "all"), {
      what: "the answer",
    });
  });
});

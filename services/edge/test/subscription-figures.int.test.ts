import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import type { FakeTurn } from "./support/fake-worker.ts";
import { openStream } from "./support/http-client.ts";
import { seriesOf } from "./support/series.ts";
import type { TestClient } from "./support/test-client.ts";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const resumes = "parley_edge_resumes_total";
const reconnections = "parley_edge_reconnections_total";

async function begin(edge: EdgeUnderTest, conversation: string): Promise<{ asker: TestClient; turn: FakeTurn }> {
  const asker = await world.connect(edge);
  asker.send({ type: "message", id: `m-${conversation}`, conversation_id: conversation, message: "hello" });
  const { turn_id } = await asker.next("accepted");
  return { asker, turn: world.worker.take(conversation, turn_id) };
}

async function subscribe(client: TestClient, conversation_id: string, after?: number): Promise<string> {
  client.send({ type: "subscribe", conversation_id, ...(after === undefined ? {} : { after }) });
  return (await client.next("subscribed")).mode;
}

it("counts viewers that come for the first time apart from those that come back", async () => {
  const edge = await world.addEdge();
  const { asker, turn } = await begin(edge, "c-first");
  await turn.token("one");
  const { seq } = await asker.next("token");
  for (let i = 0; i < 3; i++) expect(await subscribe(await world.connect(edge), "c-first")).toBe("snapshot");
  expect(await seriesOf(edge, resumes)).toEqual({ "first snapshot": 3 });
  expect(await seriesOf(edge, reconnections)).toEqual({});

  await turn.token("two");
  await asker.next("token");
  asker.terminate();
  expect(await subscribe(await world.connect(edge), "c-first", seq)).toBe("replay");
  expect(await seriesOf(edge, resumes)).toEqual({ "first snapshot": 3, "resumed replay": 1 });
  expect(await seriesOf(edge, reconnections)).toEqual({ replay: 1 });
});

it("counts a connection once that comes back to several conversations, or asks again", async () => {
  const edge = await world.addEdge();
  const seqs = new Map<string, number>();
  for (const conversation of ["c-one", "c-two"]) {
    const { asker, turn } = await begin(edge, conversation);
    await turn.token("one");
    seqs.set(conversation, (await asker.next("token")).seq);
  }
  const back = await world.connect(edge);
  for (const [conversation, seq] of [...seqs, ...seqs]) expect(await subscribe(back, conversation, seq)).toBe("live");
  expect(await seriesOf(edge, resumes)).toEqual({ "resumed live": 4 });
  expect(await seriesOf(edge, reconnections)).toEqual({ live: 1 });
});

it("takes no connection for one that came back that asked without a cursor first, or brings 0", async () => {
  const edge = await world.addEdge();
  const { asker, turn } = await begin(edge, "c-later");
  await turn.token("one");
  const { seq } = await asker.next("token");
  const client = await world.connect(edge);
  await subscribe(client, "c-later", 0);
  await subscribe(client, "c-later", seq);
  expect(await seriesOf(edge, resumes)).toEqual({ "first snapshot": 1, "resumed live": 1 });
  expect(await seriesOf(edge, reconnections)).toEqual({});
});

it("counts an event stream that goes on, and no subscription that is refused", async () => {
  const edge = await world.addEdge();
  const body = { id: "k1", message: "hello", conversation_id: "c-stream" };
  const stream = await openStream(edge, { body });
  const accepted = await stream.next();
  if (accepted?.frame.type !== "accepted") throw new Error("it was not accepted");
  const turn = world.worker.take("c-stream", accepted.frame.turn_id);
  await turn.token("one");
  let id: string | undefined;
  for (let event = await stream.next(); event?.event !== "token"; event = await stream.next()) id = event?.id;
  stream.close();
  const again = await openStream(edge, { body, headers: { "last-event-id": id ?? "" } });
  await again.next();
  again.close();
  const stranger = await world.connect(edge, "bob");
  stranger.send({ type: "subscribe", conversation_id: "c-stream", after: 1 });
  expect((await stranger.next("error")).code).toBe("FORBIDDEN");
  expect(await seriesOf(edge, resumes)).toEqual({ "resumed replay": 1 });
  expect(await seriesOf(edge, reconnections)).toEqual({ replay: 1 });
});

it("tells how far behind who comes back is, from the first event that it missed", async () => {
  const edge = await world.addEdge();
  const { asker, turn } = await begin(edge, "c-behind");
  await turn.token("one");
  const { seq } = await asker.next("token");
  const common = { conversation_id: "c-behind", turn_id: turn.turn, attempt: 1 };
  await turn.append({ type: "token", ...common, n: 1, token: "two", ts: Date.now() - 20_000 });
  await turn.append({ type: "token", ...common, n: 2, token: "three", ts: Date.now() });
  const last = [await asker.next("token"), await asker.next("token")].at(-1)?.seq ?? 0;
  expect(await subscribe(await world.connect(edge), "c-behind", seq)).toBe("replay");
  expect(await subscribe(await world.connect(edge), "c-behind", last)).toBe("live");
  const behind = await edge.registry.getSingleMetric("parley_edge_resume_behind_seconds")?.get();
  const below = (le: number) => behind?.values.find(({ labels }) => labels["le"] === le)?.value;
  expect([below(0.1), below(10), below(30)]).toEqual([1, 1, 2]);
  expect(await metricOf(edge, reconnections)).toBe(2);
});

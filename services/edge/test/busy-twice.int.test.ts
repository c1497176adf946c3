import { openBus } from "@parley/bus";
import { streams, subjects, type ConversationId, type TurnId } from "@parley/protocol";
import { turnIdOf } from "@parley/protocol/turn-id";
import { signedIn, startNatsProxy } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { submit } from "../src/commands/submission.ts";
import { turnRequestOf } from "../src/commands/turn-request.ts";
import { createWorld, log, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** From a socket of its own, so that no other answer is taken for its own. */
async function say(id: string, more: object = {}) {
  const client = await world.connect(edge);
  client.send({ type: "message", id, message: id, ...more });
  await expect.poll(() => client.frames.some(({ type }) => type === "accepted" || type === "error")).toBe(true);
  const answer = client.frames.find(({ type }) => type === "accepted" || type === "error");
  client.close();
  return answer;
}

async function begin(id: string, more: object = {}) {
  const answer = await say(id, more);
  if (answer?.type !== "accepted") throw new Error(JSON.stringify(answer));
  return answer;
}

/** Its worker died before it could tell the queue. */
function endWithoutLeaving(conversation: ConversationId, turn: TurnId): Promise<unknown> {
  const usage = { input_tokens: 0, output_tokens: 0 };
  const message = { response: "done", message_id: `${turn}-a`, tool_calls: [], usage, metadata: {} };
  const chained = { conversation_id: conversation, turn_id: turn, ts: 1, attempt: 1, n: 1 };
  return world.worker.take(conversation, turn).append({ type: "complete", ...chained, ...message });
}

/** As a new leader of the stream does, of turns that have left the queue; and every leader after a while. */
async function forgetIds(): Promise<void> {
  const name = streams.turns;
  const reply = await world.bus.nc.request(`$JS.API.STREAM.INFO.${name}`);
  const { config } = JSON.parse(new TextDecoder().decode(reply.data));
  const update = (duplicate_window: number) =>
    world.bus.nc.request(`$JS.API.STREAM.UPDATE.${name}`, JSON.stringify({ ...config, duplicate_window }));
  await update(100_000_000);
  const probe = { subject: subjects.turns("c_probe"), data: new TextEncoder().encode("{}"), msgId: "probe" };
  await world.bus.events.append(probe);
  await expect.poll(() => world.bus.events.append(probe), { timeout: 10_000 }).toMatchObject({ duplicate: false });
  await world.bus.nc.request(`$JS.API.STREAM.PURGE.${name}`, JSON.stringify({ filter: probe.subject }));
  await update(config.duplicate_window);
}

it("a message that comes by two edges at once is accepted at both where an ended turn was in its way", async () => {
  // What one of them asks of the broker is done at once and answered late.
  await using proxy = await startNatsProxy({ targets: [world.nats.port], treat: () => ({ hold: 40, lane: "all" }) });
  const slow = await openBus({ servers: signedIn(`nats://127.0.0.1:${proxy.port}`, "edge"), name: "slow edge", log });
  for (let i = 0; i < 5; i++) {
    const { conversation_id, turn_id } = await begin(`before ${i}`);
    await endWithoutLeaving(conversation_id, turn_id);
    const turn = turnIdOf("ann", conversation_id, `twice ${i}`);
    const frame = { type: "message", id: `twice ${i}`, message: "hello", on_busy: "reject" } as const;
    const request = turnRequestOf(frame, {
      caller: { user: { id: "ann" }, roles: [] },
      conversation: conversation_id,
      turn,
      trace: undefined,
      isExempt: false,
    });
    const answers = await Promise.all([slow, world.bus].map((bus) => submit(bus, request, "reject")));
    expect(answers.filter(({ isRepeated }) => isRepeated)).toHaveLength(1);
    const queued = await world.bus.turns.waiting(conversation_id);
    expect(queued.map(({ request: { id } }) => id)).toEqual([frame.id]);
  }
  await slow.close();
});

it("a message is not refused for a turn that left the queue before it could be looked at", async () => {
  await using proxy = await startNatsProxy({ targets: [world.nats.port], treat: () => ({ hold: 40, lane: "all" }) });
  const slow = await openBus({ servers: signedIn(`nats://127.0.0.1:${proxy.port}`, "edge"), name: "slow edge", log });
  const { conversation_id, turn_id } = await begin("leaves");
  await endWithoutLeaving(conversation_id, turn_id);
  const turn = turnIdOf("ann", conversation_id, "comes");
  const frame = { type: "message", id: "comes", message: "hello", on_busy: "reject" } as const;
  const request = turnRequestOf(frame, {
    caller: { user: { id: "ann" }, roles: [] },
    conversation: conversation_id,
    turn,
    trace: undefined,
    isExempt: false,
  });
  const submitted = submit(slow, request, "reject");
  await world.bus.turns.removeEnded(conversation_id);
  expect(await submitted).toMatchObject({ isRepeated: false, earlier: [] });
  await slow.close();
});

it("a message that comes again is the turn that runs, also when the queue has forgotten its id", async () => {
  const { conversation_id, turn_id } = await begin("runs", { on_busy: "reject" });
  await forgetIds();
  expect(await say("runs", { on_busy: "reject", conversation_id })).toMatchObject({ type: "accepted", turn_id });
  expect(await world.bus.turns.waiting(conversation_id)).toHaveLength(1);
});

it("a message that comes again after its end is that turn, also while another one runs", async () => {
  const { conversation_id, turn_id } = await begin("over", { on_busy: "reject" });
  await world.worker.take(conversation_id, turn_id).complete("done");
  const next = await begin("next", { conversation_id });
  await forgetIds();
  expect(await say("over", { on_busy: "reject", conversation_id })).toMatchObject({ type: "accepted", turn_id });
  const refused = await say("new", { on_busy: "reject", conversation_id });
  expect(refused).toMatchObject({ type: "error", code: "CONVERSATION_BUSY" });
  const queued = await world.bus.turns.waiting(conversation_id);
  expect(queued.map(({ request }) => request.turn_id)).toEqual([next.turn_id]);
});

it("a message that comes again is not refused because the queue is full of it and others", async () => {
  const { conversation_id, turn_id } = await begin("full 0");
  for (let i = 1; i < 8; i++) await begin(`full ${i}`, { conversation_id });
  await forgetIds();
  expect(await say("full 0", { conversation_id })).toMatchObject({ type: "accepted", turn_id });
  expect(await say("full 8", { conversation_id })).toMatchObject({ type: "error", code: "QUEUE_FULL" });
});

import { callIdOf, unknownEffect, type FactOf } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, openStream } from "./support/http-client.ts";
import { connectSeedClient } from "./support/seed-client.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let world: World;
let edge: EdgeUnderTest;
const sentence = unknownEffect("the tool took too long.");

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

/** `knows`: what it says with its token. */
async function connect(knows?: readonly string[]): Promise<TestClient> {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenOf("ann"), ...(knows === undefined ? {} : { knows }) });
  await client.next("auth_success");
  return client;
}

function callOf(turn: string) {
  const call = { call_id: callIdOf(turn, 0, 0), tool_name: "scale", arguments: { note: '"status":"unknown"' } };
  return { ...call, status: "unknown" as const, result: sentence, duration_ms: 5 };
}

/** A turn with a call of which nobody knows what it did: told, and up to its end. */
async function begin(client: TestClient, id: string) {
  client.send({ type: "message", id, message: "scale it" });
  const { conversation_id, turn_id } = await client.next("accepted");
  const turn = world.worker.take(conversation_id, turn_id);
  const call = callOf(turn_id);
  const common = { conversation_id, turn_id, ts: 1 };
  const { call_id, tool_name, arguments: args } = call;
  await turn.append({ type: "thinking", ...common, attempt: 1, n: 0, message: "…" });
  await turn.append({ type: "tool_call_start", ...common, attempt: 1, n: 1, call_id, tool_name, arguments: args });
  await turn.append({ type: "tool_call_end", ...common, ...call }, `tool.${call_id}`);
  const end = async (): Promise<void> => {
    const message = { response: "", message_id: `${turn_id}-a`, tool_calls: [call] };
    const usage = { input_tokens: 1, output_tokens: 1 };
    await world.bus.transcripts.append({
      ...{ v: 1, conversation_id, turn_id, ts: 1, message_id: `${turn_id}-a`, author: { role: "assistant" } },
      ...{ message: "", status: "complete", tool_calls: [call], usage },
    });
    await turn.append({ type: "complete", ...common, attempt: 1, n: 2, ...message, usage, metadata: {} });
    const [queued] = await world.bus.turns.waiting(conversation_id);
    if (queued !== undefined) await world.bus.turns.removeFirst(queued.seq);
  };
  return { conversation_id, turn_id, call, end };
}

describe.each([
  ["that knows it is told", ["later", "unknown"], "unknown"],
  ["that does not say that it knows it is not told", undefined, "failed"],
  ["that knows other words is not told", ["approvals"], "failed"],
] as const)("a socket %s of a call whose effect nobody knows", (_, knows, status) => {
  it("in its end, the turn's end, a snapshot and the transcript", async () => {
    const client = await connect(knows);
    const { conversation_id, call, end } = await begin(client, `socket ${status}`);
    expect(await client.next("tool_call_end")).toMatchObject({ ...call, status });
    const late = await connect(knows);
    late.send({ type: "subscribe", conversation_id });
    expect((await late.next("snapshot")).tool_calls).toMatchObject([{ ...call, status }]);
    await end();
    expect((await client.next("complete")).tool_calls).toEqual([{ ...call, status }]);
    const latest = await connect(knows);
    latest.send({ type: "subscribe", conversation_id });
    const { messages } = await latest.next("snapshot");
    expect(messages?.find(({ author }) => author.role === "assistant")?.tool_calls).toEqual([{ ...call, status }]);
  });
});

it("a socket that says it later is told from then on", async () => {
  const client = await connect();
  const { conversation_id, call, end } = await begin(client, "later");
  expect(await client.next("tool_call_end")).toMatchObject({ status: "failed" });
  client.send({ type: "auth", token: await tokenOf("ann"), knows: ["unknown"] });
  await client.next("auth_success");
  client.send({ type: "auth", token: await tokenOf("ann") });
  await client.next("auth_success");
  await end();
  expect((await client.next("complete")).tool_calls).toEqual([{ ...call, status: "unknown" }]);
  expect((await ask(edge, "GET", `/api/v1/conversations/${conversation_id}/messages`)).status).toBe(200);
});

it.each([
  ["too many names", Array.from({ length: 17 }, (_, i) => `n${i}`)],
  ["too long a name", ["n".repeat(33)]],
])("a token with %s is refused", async (_, knows) => {
  const client = await connectClient(edge.url);
  client.send({ type: "auth", token: await tokenOf("ann"), knows });
  expect(await client.next("error")).toMatchObject({ code: "INVALID_FRAME", frame: "auth" });
});

it.each([
  ["?knows=unknown", "unknown"],
  ["?knows=x,unknown", "unknown"],
  ["", "failed"],
])("over HTTP with %j it is %s: in answer, stream, messages and result", async (query, status) => {
  const socket = await connect();
  const { conversation_id, turn_id, call, end } = await begin(socket, `http-${query.length}`);
  await end();
  await socket.next("complete");
  const [path, headers] = [`/api/v1/chat${query}`, { "idempotency-key": `http-${query.length}` }];
  const body = { message: "scale it", conversation_id };
  const answer = await ask(edge, "POST", path, { headers, body });
  expect(answer.body.tool_calls).toEqual([{ ...call, status }]);
  const page = await ask(edge, "GET", `/api/v1/conversations/${conversation_id}/messages${query}`);
  expect(page.body.messages.at(-1).tool_calls).toEqual([{ ...call, status }]);
  const stream = await openStream(edge, { headers, body }, path);
  expect(JSON.stringify((await stream.rest()).at(-1)?.frame)).toContain(`"status":"${status}"`);
  const fact: FactOf<"result"> = { kind: "result", v: 1, conversation_id, turn_id, ts: 1, ...call };
  await world.bus.facts.write(fact);
  const result = await ask(edge, "GET", `/api/v1/conversations/${conversation_id}/results/${call.call_id}${query}`);
  expect(result.body).toMatchObject({ ...call, status });
});

it("clients of seed C are told that it failed", async () => {
  const seed = await connectSeedClient(`${edge.url}?token=${await tokenOf("ann")}`);
  seed.send({ type: "message", message: "scale it for seed", session_id: "s_known" });
  const queued = await eventually(
    async () => (await world.bus.turns.scan(100)).find(({ request }) => request.message === "scale it for seed"),
    { what: "a turn" },
  );
  const { conversation_id, turn_id } = queued.request;
  const call = callOf(turn_id);
  const event = { type: "tool_call_end" as const, conversation_id, turn_id, ts: 1, ...call };
  await world.worker.take(conversation_id, turn_id).append(event, `tool.${call.call_id}`);
  expect((await seed.until("tool_call_end")).at(-1)).toMatchObject({ status: "failed" });
  seed.close();
});

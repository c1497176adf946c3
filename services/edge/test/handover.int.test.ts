import { randomUUID } from "node:crypto";
import { RightsByRole, createMay, type ServerFrame } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { eventually, startRedis, startService, type Broker, type Service } from "@parley/testkit";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTokens } from "../src/admission/tokens.ts";
import { createWorld, jwtSecret, log, metricOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, request, type Asked } from "./support/http-client.ts";
import { connectClient, type TestClient } from "./support/test-client.ts";

let world: World;
let edges: readonly [EdgeUnderTest, EdgeUnderTest];
let redis: Broker;
let model: Service;
let worker: Service;

const startWorker = (): Promise<Service> =>
  startService("agent-worker", {
    ...{ NATS_URL: world.nats.url, REDIS_URL: redis.url, OPENAI_BASE_URL: `http://127.0.0.1:${model.port}/v1` },
    ...{ OPENAI_API_KEY: "simulated", OPENAI_MODEL: "parley-simulated", TOOLS_WAIT_MS: "0", LOG_LEVEL: "warn" },
    ...{ HANDOVER_WAIT_MS: "60000", HANDOVER_IDLE_MS: "60000", JANITOR_MS: "500", ACK_WAIT_MS: "2000" },
  });

beforeAll(async () => {
  world = await createWorld();
  [redis, model] = await Promise.all([startRedis(), startService("model-simulator")]);
  worker = await startWorker();
  const rules = { roles: { claim: ["groups"] }, tenant: { claim: ["org"] } };
  const addEdge = () => {
    const tokens = startTokens({
      sharedSecret: { secret: jwtSecret, rules },
      registry: createMetrics({ service: "edge" }),
      log,
    });
    return world.addEdge({ tokens, may: createMay(RightsByRole.parse({})) });
  };
  edges = [await addEdge(), await addEdge()];
}, 240_000);
afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

interface Person {
  readonly name: string;
  readonly org?: string;
  readonly groups?: readonly string[];
}
const ann: Person = { name: "ann", org: "acme" };
const olga: Person = { name: "olga", org: "acme", groups: ["operator"] };
const otto: Person = { name: "otto", org: "acme", groups: ["operator"] };
const stranger: Person = { name: "stan", org: "other", groups: ["operator"] };

function tokenOf({ name, org, groups = [] }: Person): Promise<string> {
  return new SignJWT({ groups, name: name.toUpperCase(), ...(org === undefined ? {} : { org }) })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(name)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(Buffer.from(jwtSecret));
}

async function as(person: Person, method: string, path: string, { body, at = 0 }: { body?: object; at?: 0 | 1 } = {}) {
  const headers = { authorization: `Bearer ${await tokenOf(person)}` };
  return ask(edges[at], method, path, { user: null, headers, ...(body === undefined ? {} : { body }) });
}

async function connect(person: Person, at: 0 | 1 = 0): Promise<TestClient> {
  const client = await connectClient(edges[at].url);
  client.send({ type: "auth", token: await tokenOf(person) });
  await client.next("auth_success");
  return client;
}

/** A conversation of Ann's in which she has asked for a person. */
async function waiting(reason = "my bill is wrong"): Promise<{ id: string; client: TestClient }> {
  const id = `c_${randomUUID()}`;
  const client = await connect(ann);
  client.send({ type: "message", id: "m1", message: "hello", conversation_id: id });
  await client.next("complete");
  const asked = await as(ann, "POST", `/api/v1/conversations/${id}/handover`, { body: { reason } });
  expect(asked).toMatchObject({ status: 200, body: { conversation_id: id, state: "waiting" } });
  return { id, client };
}

/** The first frame of this kind for which this holds, whatever was asked for before. */
async function found<Type extends ServerFrame["type"]>(
  client: TestClient,
  type: Type,
  is: (frame: Extract<ServerFrame, { type: Type }>) => boolean,
): Promise<Extract<ServerFrame, { type: Type }>> {
  const isIt = (frame: ServerFrame): frame is Extract<ServerFrame, { type: Type }> =>
    frame.type === type && is(frame as Extract<ServerFrame, { type: Type }>);
  let frame: Extract<ServerFrame, { type: Type }> | undefined;
  await eventually(() => (frame = client.frames.find(isIt)) !== undefined, {
    what: `a frame "${type}"`,
    timeoutMs: 15_000,
  });
  if (frame === undefined) throw new Error("the frame vanished");
  return frame;
}

async function answerTo(client: TestClient, id: string) {
  const { turn_id } = await found(client, "accepted", (frame) => frame.id === id);
  return found(client, "complete", (frame) => frame.turn_id === turn_id);
}

async function queueOf(person: Person, at: 0 | 1 = 0): Promise<Asked> {
  return as(person, "GET", "/api/v1/handovers", { at });
}

/** What the audit log has of a conversation, oldest first. */
async function actionsIn(id: string): Promise<string[]> {
  const { records } = await world.bus.audit.page({
    limit: 100,
    before: undefined,
    sinceMs: undefined,
    matches: ({ conversation_id }) => conversation_id === id,
  });
  return records.map(({ entry }) => `${entry.user?.id} ${entry.action}`).toReversed();
}

const end = async (person: Person, id: string) => as(person, "POST", `/api/v1/handovers/${id}/end`);

describe("a conversation that is handed over to a person", () => {
  it("is told to its viewers, listed for operators of its tenant, taken by one, answered in, and given back", async () => {
    const { id, client } = await waiting();
    expect(await client.next("handover")).toMatchObject({
      ...{ state: "waiting", n: 1, reason: "my bill is wrong", asked_by: { role: "user", id: "ann" } },
    });
    for (const at of [0, 1] as const) {
      const { body } = await queueOf(olga, at);
      expect(body).toMatchObject({ handovers: [{ conversation_id: id, user: { id: "ann" }, state: "waiting" }] });
    }
    expect((await queueOf(stranger)).body).toEqual({ handovers: [] });
    expect((await queueOf(ann)).status).toBe(403);
    expect((await as(olga, "GET", `/api/v1/conversations/${id}/messages`)).status).toBe(403);

    const taken = await Promise.all([
      as(olga, "POST", `/api/v1/handovers/${id}/take`),
      as(otto, "POST", `/api/v1/handovers/${id}/take`, { at: 1 }),
    ]);
    expect(taken.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const [winner, loser] = taken[0].status === 200 ? [olga, otto] : [otto, olga];
    expect(taken.find(({ status }) => status === 409)?.body).toMatchObject({
      error: expect.stringContaining(winner.name.toUpperCase()),
    });
    expect(await client.next("handover")).toMatchObject({ state: "taken", operator: { id: winner.name } });

    // On the other edge, through the frames of the page.
    const operator = await connect(winner, 1);
    operator.send({ type: "subscribe", conversation_id: id });
    expect(await operator.next("snapshot")).toMatchObject({ handover: { state: "taken" }, messages: [{}, {}, {}, {}] });
    client.send({ type: "message", id: "m2", message: "Are you there?", conversation_id: id });
    expect(await operator.next("message")).toMatchObject({ message: "Are you there?", author: { role: "user" } });
    await operator.next("complete");
    operator.send({ type: "message", id: "o1", message: "I am. One moment.", conversation_id: id });
    const said = await found(client, "message", ({ message }) => message === "I am. One moment.");
    expect(said).toMatchObject({ author: { role: "operator", id: winner.name, name: winner.name.toUpperCase() } });
    await operator.next("complete");

    const wish = await as(winner, "POST", `/api/v1/conversations/${id}/handover`, { body: {} });
    expect(wish).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });

    const bystander = await connect(loser);
    bystander.send({ type: "subscribe", conversation_id: id });
    expect(await bystander.next("error")).toMatchObject({ code: "FORBIDDEN" });
    bystander.send({ type: "message", id: "x", message: "Me too", conversation_id: id });
    expect(await bystander.next("error")).toMatchObject({ code: "FORBIDDEN", id: "x" });

    const { body } = await as(winner, "GET", `/api/v1/conversations/${id}/messages`);
    expect(JSON.stringify(body)).toContain("I am. One moment.");
    expect((await end(loser, id)).status).toBe(403);
    expect(await end(winner, id)).toMatchObject({ status: 200, body: { state: "ended", ended: "given back" } });
    expect(await client.next("handover")).toMatchObject({ state: "ended" });
    // Whoever looked on because it was theirs sees nothing of what follows.
    expect(await operator.next("error")).toMatchObject({ code: "FORBIDDEN", conversation_id: id });
    client.send({ type: "message", id: "m3", message: "Thanks", conversation_id: id });
    expect((await answerTo(client, "m3")).response).not.toBe("");
    expect(JSON.stringify(operator.frames)).not.toContain("Thanks");
    expect((await as(winner, "GET", `/api/v1/conversations/${id}/messages`)).status).toBe(403);
    expect((await queueOf(olga)).body).toEqual({ handovers: [] });
    expect(await metricOf(edges[0], "parley_edge_handover_conflicts_total")).toBeGreaterThanOrEqual(0);
  });

  it("is answered on one branch: nothing is asked again beside what a person says, but for what was accepted before", async () => {
    const id = `c_${randomUUID()}`;
    const client = await connect(ann);
    client.send({ type: "message", id: "m1", message: "hello", conversation_id: id });
    const { message_id } = await client.next("complete");
    const again = (name: string) => client.send({ type: "regenerate", id: name, conversation_id: id, message_id });
    again("r1");
    const { turn_id } = await found(client, "accepted", (frame) => frame.id === "r1");
    await answerTo(client, "r1");
    await as(ann, "POST", `/api/v1/conversations/${id}/handover`, { body: {} });
    again("r2");
    expect(await client.next("error")).toMatchObject({ code: "CONFLICT", error: expect.stringContaining("A person") });
    again("r1");
    await eventually(() => client.frames.filter(({ type }) => type === "accepted").length >= 3, { what: "the repeat" });
    expect(client.frames.findLast(({ type }) => type === "accepted")).toMatchObject({ id: "r1", turn_id });
    await as(ann, "DELETE", `/api/v1/conversations/${id}/handover`);
    again("r2");
    await answerTo(client, "r2");
  });

  it("is in the view of whoever comes back, and taken back by its owner, by frame and over HTTP", async () => {
    const { id, client } = await waiting();
    client.close();
    for (const at of [0, 1] as const) {
      const back = await connect(ann, at);
      back.send({ type: "subscribe", conversation_id: id });
      await back.next("snapshot");
      expect(back.view(id).handover).toMatchObject({ state: "waiting", reason: "my bill is wrong" });
    }
    expect((await as(ann, "GET", `/api/v1/conversations/${id}/messages`)).body).toMatchObject({
      handover: { state: "waiting" },
    });
    expect((await as(olga, "DELETE", `/api/v1/conversations/${id}/handover`)).status).toBe(403);
    expect((await as(ann, "DELETE", `/api/v1/conversations/${id}/handover`)).body).toMatchObject({
      ended: "withdrawn",
    });
    expect((await as(olga, "POST", `/api/v1/handovers/${id}/take`)).status).toBe(404);
    const again = await connect(ann);
    again.send({ type: "subscribe", conversation_id: id });
    await again.next("snapshot");
    again.send({ type: "handover", id: "h2", conversation_id: id, reason: "still wrong" });
    expect(await again.next("accepted")).toMatchObject({ id: "h2" });
    await again.next("complete");
    await eventually(() => again.view(id).handover?.state === "waiting", { what: "the second one" });
    again.send({ type: "handover", id: "h3", conversation_id: id, end: true });
    await eventually(() => again.view(id).handover?.state === "ended", { what: "its end" });
  });

  it("goes on when its worker is killed, and the queue is found again by an edge that begins", async () => {
    const { id, client } = await waiting("kill");
    await worker.kill("SIGKILL");
    client.send({ type: "message", id: "m2", message: "still there?", conversation_id: id });
    worker = await startWorker();
    expect(await answerTo(client, "m2")).toMatchObject({ response: "", metadata: { handover: "waiting" } });
    const fresh = await world.addEdge({
      tokens: startTokens({
        sharedSecret: { secret: jwtSecret, rules: { roles: { claim: ["groups"] }, tenant: { claim: ["org"] } } },
        registry: createMetrics({ service: "edge" }),
        log,
      }),
    });
    const headers = { authorization: `Bearer ${await tokenOf(olga)}` };
    const { body } = await ask(fresh, "GET", "/api/v1/handovers", { user: null, headers });
    expect(JSON.stringify(body)).toContain(id);
  });

  it("is left by the queue when it is deleted", async () => {
    const { id } = await waiting("delete me");
    expect((await as(ann, "DELETE", `/api/v1/conversations/${id}`)).status).toBe(204);
    expect(JSON.stringify((await queueOf(olga)).body)).not.toContain(id);
    expect((await as(olga, "POST", `/api/v1/handovers/${id}/take`)).status).toBe(404);
  });

  it("is told to clients of other protocols as what it is: silence with its reason, and a person's words as no user's", async () => {
    const { id } = await waiting("other protocols");
    const chat = { message: "Hello?", conversation_id: id, id: "c1" };
    const silent = await as(ann, "POST", "/api/v1/chat", { body: chat });
    expect(silent.body).toMatchObject({ response: "", metadata: { handover: "waiting" } });
    await as(olga, "POST", `/api/v1/handovers/${id}/take`);
    const said = { message: "Olga here.", conversation_id: id, id: "o1" };
    expect((await as(olga, "POST", "/api/v1/chat", { body: said })).body).toMatchObject({
      metadata: { handover: "taken" },
    });
    const page = await as(ann, "GET", `/api/ai/chat/${id}/messages`);
    const { messages } = page.body as { messages: { role: string; parts: { text?: string }[] }[] };
    const rolesOf = (text: string): string[] =>
      messages.filter(({ parts }) => parts.some((part) => part.text === text)).map(({ role }) => role);
    expect([rolesOf("Hello?"), rolesOf("Olga here.")]).toEqual([["user"], ["assistant"]]);
    expect(messages.at(-1)).toMatchObject({ role: "assistant", parts: [{ text: "Olga here." }] });
    const items = (await as(ann, "GET", `/v1/conversations/${id}/items?limit=20`)).body as {
      data: { role?: string }[];
    };
    expect(items).toHaveProperty("data");
    expect(items.data.find((item) => JSON.stringify(item).includes("Olga here."))?.role).toBe("assistant");
    await end(olga, id);
  });

  it("ends the streams of other protocols at once, without a fault", async () => {
    const { id } = await waiting("streams");
    const text = "Anybody?";
    const messages = [{ role: "user", content: text }];
    const ui = [{ id: "u1", role: "user", parts: [{ type: "text", text }] }];
    const a2a = { message: { role: "ROLE_USER", messageId: "a1", contextId: id, parts: [{ text }] } };
    const wishes: readonly (readonly [string, object, RegExp])[] = [
      ["/api/ai/chat", { id, messages: ui }, /"type":"finish"/],
      ["/v1/chat/completions", { model: "parley", stream: true, messages }, /"finish_reason":"stop"[^]*\[DONE\]/],
      ["/v1/responses", { model: "parley", stream: true, conversation: id, input: text }, /response\.completed/],
      ["/a2a", { jsonrpc: "2.0", id: 1, method: "SendStreamingMessage", params: a2a }, /TASK_STATE_COMPLETED/],
    ];
    const sign = { authorization: `Bearer ${await tokenOf(ann)}`, "x-parley-conversation": id, "a2a-version": "1.0" };
    for (const [path, body, end] of wishes) {
      const response = await request(edges[0], "POST", path, { user: null, headers: sign, body });
      const told = await response.text();
      expect(told, path).toMatch(end);
      expect(told, path).not.toMatch(/"type":"error"|"error":\{|FAILED|REJECTED/);
    }
    const { body } = await as(ann, "GET", `/api/v1/conversations/${id}/messages`);
    const kept = body as { messages: { message: string; metadata?: { handover?: string } }[] };
    expect(kept.messages.filter(({ message }) => message === text)).toHaveLength(4);
    expect(kept.messages.filter(({ metadata }) => metadata?.handover === "waiting").length).toBeGreaterThanOrEqual(5);
  });

  it("leaves entries of who took, answered and gave back in the audit log", async () => {
    const { id } = await waiting("audit");
    await as(olga, "POST", `/api/v1/handovers/${id}/take`);
    const operator = await connect(olga);
    operator.send({ type: "message", id: "o1", message: "Hello.", conversation_id: id });
    await operator.next("complete");
    await end(olga, id);
    await eventually(async () => (await actionsIn(id)).length === 3, { what: "three entries" });
    expect(await actionsIn(id)).toEqual(["olga handover_take", "olga handover_answer", "olga handover_end"]);
  });

  it("has one who ended it where its owner, and who has it on two devices, end it at once", async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, async () => (await waiting("at once")).id));
    for (const id of ids) await as(olga, "POST", `/api/v1/handovers/${id}/take`);
    await Promise.all(
      ids.flatMap((id) => [
        as(ann, "DELETE", `/api/v1/conversations/${id}/handover`),
        as(olga, "POST", `/api/v1/handovers/${id}/end`, { at: 1 }),
        as(olga, "POST", `/api/v1/handovers/${id}/end`),
      ]),
    );
    for (const id of ids) {
      const { ended } = (await world.bus.handovers.of(id)) ?? {};
      expect(["withdrawn", "given back"]).toContain(ended);
      const ends = (await actionsIn(id)).filter((action) => action.endsWith("handover_end"));
      expect(ends).toHaveLength(ended === "given back" ? 1 : 0);
    }
  });
});

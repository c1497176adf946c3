import { openBus } from "@parley/bus";
import { responseIdOf } from "@parley/dialects";
import { AddressRules, Limits, callIdOf } from "@parley/protocol";
import { createMetrics } from "@parley/runtime";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Gate } from "../src/admission/gate.ts";
import { openGateStore } from "../src/admission/gate-store.ts";
import { createWorld, log, tokenOf, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { signToken } from "./support/gate-world.ts";
import { connectSeedClient, type SeedClient } from "./support/seed-client.ts";
import { askFor, type WaitingTurn } from "./support/waiting-turn.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

const by = "a test";
const badToken = 4500;

/** A call that waits for the word of this user. */
const waitFor = async (user: string): Promise<WaitingTurn> => askFor(world, await world.connect(edge, user));

const chat = ({ port }: EdgeUnderTest, token: string): Promise<SeedClient> =>
  connectSeedClient(`ws://127.0.0.1:${port}/api/ai/ws?token=${token}`);

/** A frame `send` of the AI SDK that agrees to these calls. */
function agree({ conversation_id: id, turn_id }: WaitingTurn, calls: readonly string[], requestId = "r1") {
  const parts = calls.map((call) => ({
    ...{ type: "dynamic-tool", toolCallId: call, state: "approval-responded" },
    approval: { id: call, approved: true },
  }));
  const message = { id: `${turn_id}-a`, role: "assistant", parts };
  return { type: "send", requestId, id, trigger: "submit-message", messages: [message] };
}

/** The same in the WebSocket mode of the Responses API. */
function respond({ conversation_id, turn_id }: WaitingTurn, call = "0-0") {
  const token = responseIdOf({ conversation_id, turn_id, segment: 0 }).slice("resp_".length);
  const word = { type: "mcp_approval_response", approval_request_id: `mcpr_${token}_${call}`, approve: true };
  return { type: "response.create", input: [word] };
}

function decidedOf({ conversation_id: conversation, turn_id: turn, call_id: call }: WaitingTurn) {
  return world.bus.facts.read("decided", { conversation, turn, call });
}

/** Calls of the same turn that nobody was asked about. */
const others = ({ turn_id }: WaitingTurn, count: number): string[] =>
  Array.from({ length: count }, (_, n) => callIdOf(turn_id, 7, n));

describe("what is decided over a socket of the AI SDK", () => {
  it("counts, and the answer goes on behind it", async () => {
    const waiting = await waitFor("ann");
    const client = await chat(edge, await tokenOf("ann"));
    client.send(agree(waiting, [waiting.call_id]));
    expect(await client.next()).toMatchObject({ type: "chunk", requestId: "r1", sequence: 0 });
    expect(await decidedOf(waiting)).toMatchObject({ approved: true, by: { id: "ann" } });
    client.close();
  });

  it("is nothing behind a decision that is refused, and the request is told why", async () => {
    const waiting = await waitFor("ann");
    const client = await chat(edge, await tokenOf("ann"));
    client.send(agree(waiting, [...others(waiting, 1), waiting.call_id]));
    expect(await client.next()).toEqual({
      type: "error",
      requestId: "r1",
      errorText: expect.stringMatching(/^No such/),
    });
    expect(await decidedOf(waiting)).toBeUndefined();
    client.send(agree(waiting, [waiting.call_id], "r2"));
    expect(await client.next()).toMatchObject({ type: "chunk", requestId: "r2" });
    client.close();
  });

  it("is as many frames as decisions: none is made of more than a socket may send", async () => {
    const limits = Limits.parse({ frames_per_socket: { rate: 1, burst: 5 } });
    const limited = await world.addEdge({ callerLimits: () => limits, whence: { trusted: [], exempt: [] } });
    const waiting = await waitFor("ann");
    const client = await chat(limited, await tokenOf("ann"));
    client.send(agree(waiting, [waiting.call_id, ...others(waiting, 5)]));
    expect(await client.next()).toMatchObject({
      type: "error",
      requestId: "r1",
      errorText: expect.stringMatching(/^Too/),
    });
    expect(await decidedOf(waiting)).toBeUndefined();
    client.close();
  });

  it("is nothing where too many answers are streamed already", async () => {
    const waiting = await waitFor("ann");
    const client = await chat(edge, await tokenOf("ann"));
    for (let n = 0; n < 32; n++) {
      const messages = [{ id: `m${n}`, role: "user", parts: [{ type: "text", text: "why?" }] }];
      client.send({ type: "send", requestId: `q${n}`, id: `many-${n}`, trigger: "submit-message", messages });
    }
    client.send(agree(waiting, [waiting.call_id]));
    const [refused] = (await client.until("error")).slice(-1);
    expect(refused).toMatchObject({ requestId: "r1", errorText: expect.stringMatching(/^Too many answers/) });
    expect(await decidedOf(waiting)).toBeUndefined();
    client.close();
  });
});

describe("what is decided over a socket of the Responses API", () => {
  const open = async (): Promise<SeedClient> =>
    connectSeedClient(`ws://127.0.0.1:${edge.port}/v1/responses?token=${await tokenOf("ann")}`);

  it("counts, and the rest of the turn is the next response", async () => {
    const waiting = await waitFor("ann");
    const client = await open();
    client.send(respond(waiting));
    expect(await client.next()).toMatchObject({ type: "response.created", sequence_number: 0 });
    expect(await decidedOf(waiting)).toMatchObject({ approved: true, by: { id: "ann" } });
    client.close();
  });

  it("is told why it is refused, and the next request is answered", async () => {
    const waiting = await waitFor("ann");
    const client = await open();
    client.send(respond(waiting, "7-0"));
    expect(await client.next()).toMatchObject({ type: "error", status: 404 });
    expect(await decidedOf(waiting)).toBeUndefined();
    client.send(respond(waiting));
    expect(await client.next()).toMatchObject({ type: "response.created" });
    client.close();
  });
});

/** An edge that hears nothing more of what is revoked, as one that stands still; it hears of it as soon as somebody waits for that. */
async function addStandingEdge() {
  const bus = await openBus({ servers: world.nats.url, name: "gate under test", log });
  let wake: (() => void) | undefined;
  let standing = Promise.resolve();
  const follow = (): ReturnType<typeof bus.gate.follow> => {
    const follower = bus.gate.follow();
    return { ...follower, next: () => standing.then(() => follower.next()) };
  };
  const addresses = AddressRules.parse({});
  const deps = { redis: undefined, addresses: () => addresses, registry: createMetrics({ service: "gate" }), log };
  const gate = await openGateStore({ bus: { ...bus, gate: { ...bus.gate, follow } }, ...deps });
  const caughtUp: Gate["caughtUp"] = () => {
    const waiting = gate.caughtUp();
    if (waiting !== undefined) wake?.();
    return waiting;
  };
  const standingEdge = await world.addEdge({ gate: { ...gate, caughtUp } });
  return {
    edge: standingEdge,
    async standStill(): Promise<void> {
      standing = new Promise((resolve) => (wake = resolve));
      await eventually(() => gate.caughtUp() !== undefined, { what: "it has stood still" });
    },
    async [Symbol.asyncDispose]() {
      gate.close();
      await bus.close();
    },
  };
}

describe("who was revoked while an edge stood still", () => {
  it.each([
    ["the AI SDK", "rita", "/api/ai/ws"],
    ["Responses", "ruth", "/v1/responses"],
    ["the native dialect", "rosa", "/ws/chat"],
  ])("cannot agree there in %s", async (_, user, path) => {
    await using standing = await addStandingEdge();
    const waiting = await waitFor(user);
    const { conversation_id, call_id } = waiting;
    const token = await signToken(user, { issuedMs: Date.now() - 60_000 });
    const client = await connectSeedClient(`ws://127.0.0.1:${standing.edge.port}${path}?token=${token}`);
    const native = { type: "approve", conversation_id, call_id, approved: true };
    const agreements: Readonly<Record<string, object>> = {
      "/ws/chat": native,
      "/v1/responses": respond(waiting),
      "/api/ai/ws": agree(waiting, [call_id]),
    };
    await letIn(client, path, conversation_id);
    await standing.standStill();
    await world.bus.gate.put(
      { what: "user", id: user },
      () => revocationOf(user),
      () => false,
    );
    client.send(agreements[path] ?? native);
    expect(await client.closed).toBe(badToken);
    expect(await decidedOf(waiting)).toBeUndefined();
  });
});

/** Until something was answered. */
async function letIn(client: SeedClient, path: string, id: string): Promise<void> {
  client.send(path === "/api/ai/ws" ? { type: "resume", requestId: "r0", id } : { type: "ping" });
  await client.until({ "/api/ai/ws": "start", "/v1/responses": "error" }[path] ?? "pong");
}

function revocationOf(id: string) {
  const ts = Date.now();
  return { v: 1 as const, what: "user" as const, id, before_ms: ts, until_ms: ts + 3_600_000, by, ts };
}

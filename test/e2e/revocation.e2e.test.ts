import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually, startSystem, type Service, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { devToken } from "./person.ts";

const adminToken = randomBytes(32).toString("hex");
const badToken = 4500;

let system: System;

beforeAll(async () => {
  system = await startSystem({
    edges: 2,
    toolWorkers: 0,
    env: { edge: { ADMIN_TOKEN: adminToken }, "agent-worker": { OPENAI_MODEL: "parley-simulated-fast" } },
  });
});
afterAll(() => system[Symbol.asyncDispose]());

// oxlint-disable-next-line typescript/no-explicit-any
async function admin(edge: Service, path: string, body?: object): Promise<{ status: number; body: any }> {
  const response = await fetch(`http://127.0.0.1:${edge.adminPort}/admin/${path}`, {
    headers: { authorization: `Bearer ${adminToken}` },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

interface Seen {
  readonly type: string;
  readonly id?: string;
  readonly atMs: number;
}

/** A socket that writes down what comes when. */
async function comeIn(edge: Service, token: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/ws/chat`, ["parley.v1"]);
  const seen: Seen[] = [];
  const closed = new Promise<{ code: number; reason: string; atMs: number }>((resolve) =>
    socket.once("close", (code, reason) => resolve({ code, reason: reason.toString(), atMs: performance.now() })),
  );
  socket.on("message", (data: Buffer) => seen.push({ ...JSON.parse(data.toString()), atMs: performance.now() }));
  socket.once("open", () => socket.send(JSON.stringify({ type: "auth", token })));
  await eventually(() => seen.some(({ type }) => type === "auth_success"), { what: "being let in" });
  const say = (id: string): void =>
    socket.send(JSON.stringify({ type: "message", id, message: "hello\n/sim tokens=3", conversation_id: `c_${id}` }));
  return { socket, seen, closed, say };
}

it("an edge that stood still while a user was revoked closes the user's sockets within a second of waking, and takes nothing more", async () => {
  const [awake, frozen] = [system.edges[0]!, system.edges[1]!];
  const token = await devToken(awake, "anna");
  const anna = await comeIn(frozen, token);
  const bert = await comeIn(frozen, await devToken(awake, "bert"));
  anna.say("before");
  await eventually(() => anna.seen.some(({ type }) => type === "complete"), {
    what: "the first answer",
    timeoutMs: 20_000,
  });
  // Tokens say in whole seconds when they were made.
  await sleep(1_100);
  frozen.freeze();
  const order = { what: "user", id: "anna", reason: "lost laptop" };
  expect((await admin(awake, "revoke", order)).body.revocation).toMatchObject({ what: "user", by: "admin token" });
  await sleep(5_000);
  // These are read in the first moment after waking.
  anna.say("waiting");
  const waiting = refusal(frozen, token);
  await sleep(100);
  const wokenMs = performance.now();
  frozen.thaw();
  const asking = setInterval(
    () => anna.socket.readyState === WebSocket.OPEN && anna.say(`at-${performance.now()}`),
    20,
  );
  const end = await anna.closed;
  clearInterval(asking);
  expect(end).toMatchObject({ code: badToken, reason: "The session was ended." });
  expect(end.atMs - wokenMs).toBeLessThan(1_000);
  expect(await waiting).toBe(401);
  expect(anna.seen.filter(({ type }) => type === "accepted").map(({ id }) => id)).toEqual(["before"]);
  expect(await refusal(frozen, token)).toBe(401);
  expect(await refusal(awake, token)).toBe(401);
  expect(anna.seen.filter(({ atMs }) => atMs > end.atMs)).toEqual([]);
  bert.say("bert");
  await eventually(() => bert.seen.some(({ type }) => type === "complete"), {
    what: "bert's answer",
    timeoutMs: 20_000,
  });
  expect(await refusal(frozen, await devToken(awake, "anna"))).toBe(200);
});

async function refusal(edge: Service, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`http://127.0.0.1:${edge.port}/api/v1/conversations`, { headers })).status;
}

it("what was revoked stays so after edges and broker were killed", async () => {
  const token = await devToken(system.edges[0]!, "carl");
  await sleep(1_100);
  await admin(system.edges[0]!, "revoke", { what: "user", id: "carl", reason: "left" });
  await system.nats.restart();
  for (const edge of system.edges) await edge.restart();
  for (const edge of system.edges) {
    expect(await refusal(edge, token)).toBe(401);
    const { revocations } = (await admin(edge, "revocations")).body;
    expect(revocations.map(({ id }: { id: string }) => id)).toContain("carl");
  }
});

it("a user's answers go on when the user is revoked, and stop when that is asked for", async () => {
  const dora = await comeIn(system.edges[0]!, await devToken(system.edges[0]!, "dora"));
  const ask = (id: string): void => {
    const message = "hello\n/sim tokens=3000 rate=30";
    dora.socket.send(JSON.stringify({ type: "message", id, message, conversation_id: `c_${id}` }));
  };
  ask("dora-1");
  ask("dora-2");
  await eventually(() => dora.seen.filter(({ type }) => type === "token").length > 20, { what: "two answers" });
  const order = { what: "user", id: "dora", before_ms: Date.now() + 1_000, reason: "left" };
  expect((await admin(system.edges[1]!, "revoke", order)).body.cancelled).toBe(0);
  await dora.closed;
  expect((await admin(system.edges[1]!, "revoke", { ...order, cancel: true })).body.cancelled).toBe(2);
  await eventually(
    async () => (await admin(system.edges[1]!, "revoke", { ...order, cancel: true })).body.cancelled === 0,
    {
      what: "the end of both",
      timeoutMs: 10_000,
    },
  );
});

import { limits } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, type Asked } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;
let other: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  [edge, other] = [await world.addEdge({}), await world.addEdge({})];
});
afterAll(() => world[Symbol.asyncDispose]());

const path = "/api/v1/memory";
const add = (user: string, text: string, more: object = {}): Promise<Asked> =>
  ask(edge, "POST", path, { user, body: { text, ...more } });
const memoryOf = async (user: string, at = edge) => (await ask(at, "GET", path, { user })).body;

it("begins with nothing, switched on", async () => {
  expect(await memoryOf("new")).toEqual({ enabled: true, facts: [] });
});

it("is shown, changed and deleted by whom it is about, on every edge, and by nobody else", async () => {
  const { status, body: fact } = await add("ann", " I row\non Sundays. ", { customer_id: "c1" });
  expect(status).toBe(201);
  expect(fact).toMatchObject({ text: "I row on Sundays.", customer_id: "c1", by: "user" });
  expect(await memoryOf("ann", other)).toEqual({ enabled: true, facts: [fact] });
  expect(await memoryOf("bob")).toEqual({ enabled: true, facts: [] });
  expect((await ask(edge, "PUT", `${path}/${fact.id}`, { user: "bob", body: { text: "Mine." } })).status).toBe(404);
  expect((await ask(edge, "DELETE", `${path}/${fact.id}`, { user: "bob" })).status).toBe(204);
  const edited = await ask(other, "PUT", `${path}/${fact.id}`, { user: "ann", body: { text: "I swim." } });
  expect(edited.body).toMatchObject({ id: fact.id, text: "I swim.", customer_id: "c1" });
  expect((await memoryOf("ann")).facts).toEqual([edited.body]);
  for (let times = 0; times < 2; times++)
    expect((await ask(edge, "DELETE", `${path}/${fact.id}`, { user: "ann" })).status).toBe(204);
  expect((await memoryOf("ann")).facts).toEqual([]);
});

it("is switched off and on, and deleted as a whole, without one touching the other", async () => {
  await add("cy", "One.");
  await add("cy", "Two.");
  const off = await ask(edge, "PUT", path, { user: "cy", body: { enabled: false } });
  expect(off.body).toMatchObject({ enabled: false, facts: [{ text: "One." }, { text: "Two." }] });
  expect((await ask(edge, "DELETE", path, { user: "cy" })).status).toBe(204);
  expect(await memoryOf("cy", other)).toEqual({ enabled: false, facts: [] });
  expect((await ask(edge, "PUT", path, { user: "cy", body: { enabled: true } })).body.enabled).toBe(true);
  const { facts } = await world.bus.memories.of({ user: "cy", tenant: undefined });
  expect(facts).toEqual([]);
});

it.each([
  [{ text: " " }, 400, "INVALID_FRAME"],
  [{ text: "x".repeat(limits.memoryFactBytes + 1) }, 413, "MESSAGE_TOO_LARGE"],
  [{}, 400, "INVALID_FRAME"],
])("refuses %j", async (body, status, code) => {
  expect(await ask(edge, "POST", path, { user: "di", body })).toMatchObject({ status, body: { code } });
});

it("has an end", async () => {
  const full = Array.from({ length: limits.memoryFacts }, (_, n) => ({
    id: `m_${n}`,
    text: `${n}`,
    by: "user",
    ts: n,
  }));
  await world.bus.memories.change({ user: "ed", tenant: undefined }, () => ({ enabled: true, facts: full }));
  expect(await add("ed", "One more.")).toMatchObject({ status: 409, body: { code: "CONFLICT" } });
  expect((await ask(edge, "DELETE", `${path}/m_7`, { user: "ed" })).status).toBe(204);
  expect((await add("ed", "One more.")).status).toBe(201);
});

it("is nobody's who is not signed in", async () => {
  expect((await ask(edge, "GET", path, { user: null })).status).toBe(401);
});

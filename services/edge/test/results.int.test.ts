import { callIdOf, type FactOf } from "@parley/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;
const text = "one of many lines\n".repeat(10_000);

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  await world.bus.owners.claim("c_own", "ann");
  await world.bus.owners.claim("c_other", "ann");
  await world.bus.facts.write(resultOf("c_own"));
});
afterAll(() => world[Symbol.asyncDispose]());

const call = callIdOf("t-1", 0, 3);

function resultOf(conversation_id: string): FactOf<"result"> {
  const made = { tool_name: "logs", arguments: { pod: "p" }, status: "completed", result: text, duration_ms: 7 };
  return { kind: "result", v: 1, conversation_id, turn_id: "t-1", ts: 1, call_id: call, ...made };
}

const get = (path: string, user?: string | null) =>
  ask(edge, "GET", `/api/v1/conversations/${path}`, user === undefined ? {} : { user });

it("a whole result is read by the owner of its conversation", async () => {
  const { status, body } = await get(`c_own/results/${call}`);
  expect(status).toBe(200);
  const { tool_name, arguments: args, duration_ms } = resultOf("c_own");
  expect(body).toEqual({
    ...{ conversation_id: "c_own", turn_id: "t-1", call_id: call, tool_name, arguments: args },
    ...{ status: "completed", result: text, duration_ms },
  });
});

it.each([
  ["of another's conversation", `c_own/results/${call}`, "bert", 403, "FORBIDDEN"],
  ["without a token", `c_own/results/${call}`, null, 401, "AUTH_REQUIRED"],
  ["under another conversation of one's own", `c_other/results/${call}`, undefined, 404, "NOT_FOUND"],
  ["of a call that there is not", `c_own/results/${callIdOf("t-1", 0, 4)}`, undefined, 404, "NOT_FOUND"],
  ["under a name that no call has", "c_own/results/whatever", undefined, 404, "NOT_FOUND"],
  ["of nobody's conversation", `c_none/results/${call}`, undefined, 404, "NOT_FOUND"],
  ["under a name that would be another subject", "c_own/results/t-1.said", undefined, 400, "INVALID_FRAME"],
])("a result %s is not", async (_, path, user, status, code) => {
  const refused = await get(path, user);
  expect([refused.status, refused.body.code]).toEqual([status, code]);
});

it("a result goes with its conversation", async () => {
  await world.bus.owners.claim("c_gone", "ann");
  await world.bus.facts.write(resultOf("c_gone"));
  expect((await get(`c_gone/results/${call}`)).status).toBe(200);
  expect((await ask(edge, "DELETE", "/api/v1/conversations/c_gone")).status).toBe(204);
  expect((await get(`c_gone/results/${call}`)).status).toBe(404);
});

import { randomUUID } from "node:crypto";
import { responseIdOf } from "@parley/dialects";
import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "./support/http-client.ts";
import { createRoomWorld, person, tokenOf, type Person, type RoomWorld } from "./support/room-world.ts";

let room: RoomWorld;
beforeAll(async () => {
  room = await createRoomWorld();
}, 120_000);
afterAll(() => room[Symbol.asyncDispose]());

const secret = "sesame-4711";
const owner = person("olga");
const pathOf = (id: string, more = ""): string => `/api/v1/conversations/${id}${more}`;
/** Whoever has no part in it: a stranger, one who was removed, and in other tenants those with the ids of its people. */
const outsiders = [person("stan"), person("remo"), person("olga", { org: "other" }), person("wim", { org: "other" })];

interface Place {
  readonly id: string;
  readonly turn: string;
}

async function place(): Promise<Place> {
  const id = `c_${randomUUID()}`;
  const client = await room.connect(owner);
  const turn = await room.turn(client, id, `hello ${secret}`);
  for (const user_id of ["wim", "remo"])
    await room.as(owner, "POST", pathOf(id, "/members"), { body: { user_id, role: "writer" } });
  // Remembered by both edges until they were removed.
  for (const at of [0, 1] as const)
    expect((await room.as(person("remo"), "GET", pathOf(id, "/messages"), { at })).status).toBe(200);
  await room.as(owner, "DELETE", pathOf(id, "/members/remo"));
  const isGone = async (): Promise<boolean> =>
    (await room.as(person("remo"), "GET", pathOf(id, "/members"), { at: 1 })).status === 403;
  await eventually(isGone, { what: "the removal", timeoutMs: 1_500 });
  client.close();
  return { id, turn };
}

interface Reading {
  readonly what: string;
  readonly method?: string;
  readonly path: (where: Place) => string;
  readonly body?: (where: Place) => object;
  /** To its owner either: nothing runs, nothing is kept, or it is encrypted. */
  readonly showsNothing?: true;
}

const a2a = (method: string, params: (where: Place) => object): Reading => ({
  what: `A2A ${method} ${params.toString().slice(0, 40)}`,
  method: "POST",
  path: () => "/a2a",
  body: (where) => ({ jsonrpc: "2.0", id: 1, method, params: params(where) }),
});
const mcp = (name: string, args: (where: Place) => object): Reading => ({
  what: `MCP ${name}`,
  method: "POST",
  path: () => "/mcp",
  body: (where) => ({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args(where) } }),
});
const response = ({ id, turn }: Place): string => responseIdOf({ conversation_id: id, turn_id: turn, segment: 0 });
const run = ({ id }: Place): object => ({
  ...{ threadId: id, runId: randomUUID(), state: {}, messages: [], tools: [], context: [], forwardedProps: {} },
});

/** Every way in which something of a conversation can be read. */
const readings: readonly Reading[] = [
  { what: "messages", path: ({ id }) => pathOf(id, "/messages") },
  { what: "a branch", path: ({ id, turn }) => pathOf(id, `/messages?leaf=${turn}`) },
  { what: "members", path: ({ id }) => pathOf(id, "/members") },
  { what: "presence", path: ({ id }) => pathOf(id, "/presence") },
  { what: "earlier texts", path: ({ id, turn }) => pathOf(id, `/messages/${turn}-u/history`), showsNothing: true },
  { what: "the list", path: () => "/api/v1/conversations?limit=100" },
  { what: "the list with words", path: () => `/api/v1/conversations?q=${secret}` },
  { what: "search", path: () => `/api/v1/search?q=${secret}` },
  { what: "search in it", path: ({ id }) => `/api/v1/search?q=${secret}&conversation_id=${id}` },
  { what: "Durable Streams", path: ({ id }) => `/v1/conversations/${id}/stream?offset=-1` },
  { what: "Durable Streams, waiting", path: ({ id }) => `/v1/conversations/${id}/stream?offset=-1&live=long-poll` },
  { what: "a conversation of Responses", path: ({ id }) => `/v1/conversations/${id}` },
  { what: "its items", path: ({ id }) => `/v1/conversations/${id}/items` },
  { what: "a response", path: (where) => `/v1/responses/${response(where)}` },
  { what: "a response as a stream", path: (where) => `/v1/responses/${response(where)}?stream=true` },
  { what: "its input", path: (where) => `/v1/responses/${response(where)}/input_items` },
  {
    what: "a compacted response",
    method: "POST",
    path: () => "/v1/responses/compact",
    body: (where) => ({ model: "general", previous_response_id: response(where) }),
    showsNothing: true,
  },
  { what: "AI SDK, messages", path: ({ id }) => `/api/ai/chat/${id}/messages` },
  { what: "AI SDK, stream", path: ({ id }) => `/api/ai/chat/${id}/stream`, showsNothing: true },
  { what: "AI SDK, workflow", path: ({ id }) => `/api/ai/workflow/${id}/stream`, showsNothing: true },
  { what: "CopilotKit", method: "POST", path: () => "/api/copilotkit/agent/general/connect", body: run },
  a2a("ListTasks", ({ id }) => ({ contextId: id, historyLength: 9, includeArtifacts: true })),
  a2a("ListTasks", () => ({ historyLength: 9, includeArtifacts: true })),
  a2a("GetTask", ({ id, turn }) => ({ id: `${turn}.${id}`, historyLength: 9 })),
  { ...a2a("SubscribeToTask", ({ id, turn }) => ({ id: `${turn}.${id}` })), showsNothing: true },
  mcp("parley_answer", ({ id, turn }) => ({ conversation_id: id, turn_id: turn })),
];

describe("whoever has no part in a conversation reads nothing of it, at either edge", () => {
  it.each(readings)("$what", async ({ method = "GET", path, body, showsNothing }) => {
    const where = await place();
    const read = async (who: Person, at: 0 | 1): Promise<string> => {
      const headers = {
        ...{ authorization: `Bearer ${await tokenOf(who)}`, accept: "application/json, text/event-stream" },
        ...{ "a2a-version": "1.0", "mcp-protocol-version": "2025-06-18" },
      };
      const asked = { user: null, headers, ...(body === undefined ? {} : { body: body(where) }) };
      const answer = await request(room.edges[at], method, path(where), asked);
      expect(answer.status).toBeLessThan(500);
      return answer.text();
    };
    for (const at of [0, 1] as const) {
      const texts = await Promise.all(outsiders.map((who) => read(who, at)));
      for (const text of texts) expect(text).not.toMatch(/hello sesame|answer to/);
    }
    // Else it would hold of a way that shows nothing to anybody.
    const shown = await read(owner, 1);
    if (showsNothing !== true) expect(shown).toMatch(/hello sesame|answer to|"wim"|c_/);
  });
});

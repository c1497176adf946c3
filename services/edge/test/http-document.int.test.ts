import { eventually } from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, openStream, request, type RequestOptions } from "./support/http-client.ts";

type JsonSchema = Exclude<Parameters<typeof z.fromJSONSchema>[0], boolean>;
const Content = z.record(z.string(), z.object({ schema: z.custom<JsonSchema>((value) => typeof value === "object") }));
const Operation = z.object({
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })),
  requestBody: z.object({ content: Content }).optional(),
  responses: z.record(z.string(), z.object({ content: Content.optional() })),
});
const Document = z.object({
  openapi: z.literal("3.1.0"),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.object({ Error: z.looseObject({}) }) }),
});

let world: World;
let edge: EdgeUnderTest;
let document: z.infer<typeof Document>;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
  document = Document.parse((await ask(edge, "GET", "/api/openapi.json", { user: null })).body);
});
afterAll(() => world[Symbol.asyncDispose]());

function operationAt(path: string, method: string): z.infer<typeof Operation> {
  const operation = document.paths[path]?.[method];
  if (operation === undefined) throw new Error(`the document does not know ${method} ${path}`);
  return operation;
}

/** The operation that a real request belongs to. */
function operationOf(method: string, path: string): z.infer<typeof Operation> {
  const known = Object.keys(document.paths);
  const pattern =
    known.find((one) => one === path) ??
    known.find((one) => new RegExp(`^${one.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path));
  return operationAt(pattern ?? path, method.toLowerCase());
}

/** The schema that the document promises for an answer; of an answer without body, one that takes nothing at all. */
function promised(method: string, path: string, status: number): z.ZodType {
  const { responses } = operationOf(method, path);
  const schema = (responses[status] ?? responses["default"])?.content?.["application/json"]?.schema;
  if (schema === undefined) return z.undefined();
  return z.fromJSONSchema(schema.$ref === undefined ? schema : document.components.schemas.Error);
}

const seen = new Set<string>();

/** Asks, and checks what comes against the document. */
async function check(method: string, path: string, options?: RequestOptions): Promise<number> {
  const bare = path.split("?", 1)[0]!;
  const { status, body } = await ask(edge, method, path, options);
  seen.add(`${method} ${bare}`);
  expect(promised(method, bare, status).safeParse(body).error?.message).toBeUndefined();
  return status;
}

async function answerNext(conversation: string): Promise<void> {
  const queued = await eventually(() => world.bus.turns.first(conversation), { what: "the turn" });
  await world.worker.take(conversation, queued.request.turn_id).complete("fine");
}

/** What people do in a conversation with each other. */
async function checkRoom(one: string, messageId: string): Promise<void> {
  const member = { user_id: "bob", role: "writer" };
  expect(await check("POST", `${one}/members`, { body: member })).toBe(204);
  expect(await check("POST", `${one}/members`, { body: {} })).toBe(400);
  expect(await check("GET", `${one}/members`)).toBe(200);
  expect(await check("GET", `${one}/members`, { user: "eve" })).toBe(403);
  expect(await check("PATCH", `${one}/members/bob`, { body: { role: "reader" } })).toBe(204);
  expect(await check("DELETE", `${one}/members/bob`)).toBe(204);
  seen.add(`PATCH ${one}/members/{user}`).add(`DELETE ${one}/members/{user}`);
  expect(await check("POST", `${one}/invites`, { body: { role: "reader" } })).toBe(201);
  expect(await check("DELETE", `${one}/invites/none`)).toBe(204);
  seen.add(`DELETE ${one}/invites/{invite}`);
  expect(await check("POST", "/api/v1/conversations/join", { body: { invite: "c_doc.none" }, user: "eve" })).toBe(404);
  expect(await check("PATCH", `${one}/room`, { body: { answers: "mention" } })).toBe(204);
  expect(await check("PUT", `${one}/messages/none-a/pin`)).toBe(404);
  expect(await check("DELETE", `/api/v1/conversations/c_run/messages/${messageId}/pin`)).toBe(204);
  for (const method of ["PUT", "DELETE"]) seen.add(`${method} ${one}/messages/{message_id}/pin`);
  expect(await check("GET", `${one}/presence`)).toBe(200);
  expect(await check("POST", `${one}/read`, { body: {} })).toBe(204);
}

/** Bytes are no JSON, so what is read of a file is looked at in tests of its own. */
async function checkFiles(files: string): Promise<void> {
  const none = `${files}/file_uAAAAAAAAAAAAAAAAAAAAA`;
  expect(await check("POST", `${files}?name=a.json`, { body: {} })).toBe(201);
  expect(await check("POST", `${files}?id=`, { body: {} })).toBe(400);
  expect(await check("GET", files)).toBe(200);
  expect(await check("GET", `${files}?limit=0`)).toBe(400);
  for (const [method, path] of [
    ["GET", none],
    ["GET", `${none}/info`],
    ["DELETE", none],
  ] as const)
    expect(await check(method, path)).toBe(404);
  expect(await check("PATCH", none, { body: {}, headers: { "tus-resumable": "1.0.0" } })).toBe(415);
  expect(await check("POST", none, { body: {} })).toBe(400);
  for (const method of ["GET", "PATCH", "POST", "DELETE"]) seen.add(`${method} ${files}/c_doc`);
  seen.add(`GET ${files}/c_doc/info`);
}

describe("the OpenAPI document", () => {
  it("describes what every endpoint answers, errors too", async () => {
    const body = { message: "hello", conversation_id: "c_doc" };
    const chat = check("POST", "/api/v1/chat", { body });
    await answerNext("c_doc");
    const seed = check("POST", "/api/chat/message", { body: { ...body, conversation_id: "c_doc-a" }, user: null });
    await answerNext("c_doc-a");
    const one = "/api/v1/conversations/c_doc";
    expect([await chat, await seed]).toEqual([200, 200]);
    const { turn_id } = (await world.bus.transcripts.tail("c_doc", { limit: 1 })).turns[0]!;
    const asked = { message_id: `${turn_id}-u`, author: { role: "user", id: "ann" }, message: "hello", ts: 1 };
    await world.bus.transcripts.append({ v: 1, conversation_id: "c_doc", turn_id, ...asked, status: "complete" });
    const again = check("POST", `${one}/regenerate`, { body: { message_id: `${turn_id}-a` } });
    await answerNext("c_doc");
    expect(await again).toBe(200);
    expect(await check("POST", `${one}/regenerate`, { body: { message_id: "none-a" } })).toBe(404);
    expect(await check("POST", `${one}/regenerate`, { body: {} })).toBe(400);
    expect(await check("POST", "/api/v1/chat", { body: { message: 1 } })).toBe(400);
    expect(await check("POST", "/api/v1/chat", { body, user: null })).toBe(401);
    expect(await check("POST", "/api/v1/chat", { body, user: "eve" })).toBe(403);
    expect(await check("POST", "/api/chat/message", { body: { message: "" } })).toBe(400);
    expect(await check("PUT", `${one}/title`, { body: { title: "A title" } })).toBe(200);
    expect(await check("PUT", `${one}/title`, { body: { title: " " } })).toBe(400);
    expect(await check("GET", `${one}/messages?limit=1`)).toBe(200);
    expect(await check("GET", `${one}/messages?limit=x`)).toBe(400);
    expect(await check("GET", "/api/v1/conversations/c_none/messages")).toBe(404);
    const fact = { v: 1, kind: "result" as const, conversation_id: "c_doc", turn_id: "t", ts: 1, call_id: "t-0-0" };
    const made = { tool_name: "x", arguments: {}, status: "completed", result: "whole", duration_ms: 1 };
    await world.bus.facts.write({ ...fact, ...made });
    expect(await check("GET", `${one}/results/t-0-0?knows=unknown`)).toBe(200);
    expect(await check("GET", `${one}/results/t-0-1`)).toBe(404);
    const call = { v: 1, conversation_id: "c_doc", turn_id: "t", ts: 1, call_id: "t-0-0", hash: "h" };
    await world.bus.facts.write({ kind: "asked", ...call, tool_name: "x", summary: "Does x.", expires_at: 9_000 });
    await world.bus.facts.write({ kind: "decided", ...call, approved: false, by: { id: "ann" } });
    expect(await check("POST", `${one}/approvals/t-0-0`, { body: { approved: false } })).toBe(200);
    expect(await check("POST", `${one}/approvals/t-0-0`, { body: { approved: true } })).toBe(409);
    expect(await check("POST", `${one}/approvals/t-0-0`, { body: { approved: 1 } })).toBe(400);
    expect(await check("POST", `${one}/approvals/t-0-1`, { body: { approved: true } })).toBe(404);
    expect(await check("GET", `${one}/approvals/t-0-0`)).toBe(200);
    expect(await check("GET", `${one}/approvals/t-0-1`)).toBe(404);
    expect(await check("GET", "/api/v1/approvals")).toBe(403);
    expect(await check("GET", "/api/v1/approvals?limit=0")).toBe(400);
    expect(await check("GET", "/api/v1/handovers")).toBe(403);
    expect(await check("GET", "/api/v1/handovers?limit=0")).toBe(400);
    expect(await check("POST", "/api/v1/handovers/c_doc/take")).toBe(403);
    expect(await check("POST", "/api/v1/handovers/c_doc/end")).toBe(403);
    expect(await check("POST", `${one}/handover`, { body: { reason: 7 } })).toBe(400);
    expect(await check("DELETE", `${one}/handover`)).toBe(404);
    expect(await check("POST", `${one}/cancel`, { body: {} })).toBe(404);
    const waiting = request(edge, "POST", "/api/v1/chat", { body: { ...body, conversation_id: "c_run" } });
    await eventually(() => world.bus.turns.first("c_run"), { what: "the turn" });
    expect(await check("POST", "/api/v1/conversations/c_run/cancel", { body: {} })).toBe(202);
    const { request: running } = (await world.bus.turns.first("c_run"))!;
    const behind = { ...running, turn_id: "t_behind", message_id: "t_behind-u", user: { id: "ann" } };
    await world.bus.turns.submit(behind);
    const queued = "/api/v1/conversations/c_run/queue/t_behind";
    expect(await check("PATCH", queued, { body: { message: "changed" } })).toBe(204);
    expect(await check("PATCH", queued, { body: {} })).toBe(400);
    expect(await check("DELETE", queued)).toBe(204);
    expect(await check("DELETE", queued)).toBe(204);
    expect(await check("PATCH", queued, { body: { message: "too late" } })).toBe(409);
    expect(await check("DELETE", `/api/v1/conversations/c_run/queue/${running.turn_id}`)).toBe(409);
    await answerNext("c_run");
    await waiting;
    const { answer } = (await world.bus.transcripts.tail("c_run", { limit: 1 })).turns[0]!;
    const rated = `/api/v1/conversations/c_run/messages/${answer!.message_id}/feedback`;
    expect(await check("PUT", rated, { body: { rating: "down", comment: "No." } })).toBe(200);
    expect(await check("PUT", rated, { body: { rating: "sideways" } })).toBe(400);
    expect(await check("PUT", rated, { body: { rating: null } })).toBe(200);
    seen.add("PUT /api/v1/conversations/c_doc/messages/{message_id}/feedback");
    const said = `/api/v1/conversations/c_run/messages/${answer!.message_id}`;
    expect(await check("PUT", `${said}/reactions/ok`)).toBe(200);
    expect(await check("DELETE", `${said}/reactions/ok`)).toBe(200);
    expect(await check("PATCH", said, { body: { message: "mine" } })).toBe(403);
    expect(await check("GET", `${said}/history`)).toBe(404);
    expect(await check("DELETE", said)).toBe(200);
    const changing = ["PATCH ", "DELETE ", "PUT /reactions/{reaction}", "DELETE /reactions/{reaction}", "GET /history"];
    for (const [method, below] of changing.map((one) => one.split(" ")))
      seen.add(`${method} /api/v1/conversations/c_doc/messages/{message_id}${below}`);
    await checkRoom(one, answer!.message_id);
    expect(await check("GET", "/api/v1/agents")).toBe(200);
    expect(await check("GET", "/api/v1/usage")).toBe(200);
    expect(await check("GET", "/api/v1/search?q=hello")).toBe(503);
    expect(await check("GET", "/api/v1/search")).toBe(400);
    expect(await check("POST", "/api/v1/memory", { body: { text: "Rows." } })).toBe(201);
    expect(await check("GET", "/api/v1/memory")).toBe(200);
    expect(await check("PUT", "/api/v1/memory", { body: { enabled: false } })).toBe(200);
    expect(await check("PUT", "/api/v1/memory/c_doc", { body: { text: "Swims." } })).toBe(404);
    expect(await check("DELETE", "/api/v1/memory/c_doc")).toBe(204);
    expect(await check("DELETE", "/api/v1/memory")).toBe(204);
    for (const one of ["me/export", "erasures/c_doc"]) seen.add(`GET /api/v1/${one}`);
    expect(await check("DELETE", "/api/v1/me", { body: { confirm: "nobody" } })).toBe(400);
    expect(await check("GET", `/api/v1/erasures/era_${"x".repeat(67)}`)).toBe(404);
    expect(await check("GET", "/api/v1/notices")).toBe(200);
    expect(await check("PUT", "/api/v1/notices", { body: { wants: "all" } })).toBe(200);
    const browser = { endpoint: "https://push.example.org/x", keys: { p256dh: "A", auth: "A" } };
    expect(await check("POST", "/api/v1/notices/devices", { body: browser })).toBe(400);
    expect(await check("DELETE", "/api/v1/notices/devices/c_doc")).toBe(204);
    expect(await check("GET", "/api/v1/connections")).toBe(200);
    await checkFiles("/api/v1/files");
    const kept = "/api/v1/documents";
    for (const address of [kept, `${kept}/`, `${kept}/list`, `${kept}/stats`])
      expect(await check("GET", address)).toBe(200);
    expect(await check("POST", `${kept}/upload`, { body: {} })).toBe(400);
    expect(await check("POST", `${kept}/ingest-text`, { body: { text: "Text.", source: "a.md" } })).toBe(403);
    // No agent worker is there.
    expect(await check("POST", `${kept}/search`, { body: { query: "Text?" } })).toBe(503);
    expect(await check("GET", "/api/v1/sources/c_doc")).toBe(503);
    expect((await request(edge, "DELETE", `${kept}/a.md`)).status).toBe(403);
    seen.add("DELETE /api/v1/documents/{source}");
    expect(await check("DELETE", one)).toBe(204);
    expect(await check("DELETE", one, { user: "eve" })).toBe(403);
    expect(await check("GET", "/api/v1/conversations")).toBe(503);
    expect(await check("GET", "/health", { user: null })).toBe(200);
    expect(await check("GET", "/api/openapi.json", { user: null })).toBe(200);
    expect(await check("POST", "/api/v1/auth/dev-token", { body: {}, user: null })).toBe(200);
    expect(await check("POST", "/api/v1/auth/dev-token", { body: { sub: 1 }, user: null })).toBe(400);

    expect(await check("GET", "/api/v1/auth/methods", { user: null })).toBe(200);
    expect(await check("GET", "/api/v1/auth/me")).toBe(200);
    expect(await check("GET", "/api/v1/auth/me", { user: null })).toBe(401);
    expect(await check("POST", "/api/v1/auth/ticket")).toBe(503);

    const known = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) =>
          `${method.toUpperCase()} ${path
            .replace("{id}", path.includes("queue") ? "c_run" : "c_doc")
            .replace("{call_id}", "t-0-0")
            .replace("{turn_id}", "t_behind")}`,
      ),
    );
    expect(known.filter((operation) => !seen.has(operation))).toEqual([]);
  });

  it("describes the events of a stream", async () => {
    const stream = await openStream(edge, { body: { message: "hello", conversation_id: "c_stream" } });
    const schema = z.fromJSONSchema(
      operationAt("/api/v1/chat", "post").responses["200"]!.content!["text/event-stream"]!.schema,
    );
    await answerNext("c_stream");
    const events = await stream.rest();
    expect(events.map(({ event }) => event)).toEqual(["accepted", "message", "complete"]);
    for (const { frame } of events) expect(schema.safeParse(frame).success).toBe(true);
  });

  it("would not take a wrong answer for right", () => {
    const schema = promised("POST", "/api/v1/chat", 200);
    expect(schema.safeParse({ response: "no more than this" }).success).toBe(false);
    expect(
      promised("POST", "/api/v1/chat", 400)!.safeParse({ error: "x", code: "NO_SUCH_CODE", retryable: true }).success,
    ).toBe(false);
  });

  it("says what may be asked and by whom", () => {
    const chat = operationAt("/api/v1/chat", "post");
    expect(chat.security).toEqual([{ token: [] }, { session: [] }]);
    // Files alone are a message, too.
    const asked = chat.requestBody?.content["application/json"]?.schema;
    expect(asked?.["required"]).toBeUndefined();
    expect(asked?.["properties"]).toHaveProperty("message");
    expect(asked?.["properties"]).toHaveProperty("parts");
    expect(operationAt("/api/chat/message", "post").security).toEqual([{ token: [] }, { session: [] }, {}]);
    const { parameters } = operationAt("/api/v1/conversations/{id}/messages", "get");
    expect(parameters.map(({ name, in: place }) => `${place} ${name}`)).toEqual([
      "path id",
      "query limit",
      "query before",
      "query branch",
      "query leaf",
      "query knows",
    ]);
  });
});

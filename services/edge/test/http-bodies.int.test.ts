import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask, request } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a body that is not what it is read as", () => {
  it.each([
    ["content-encoding", "gzip", "Send the body as it is, without a content-encoding."],
    ["content-encoding", "br", "Send the body as it is, without a content-encoding."],
    ["content-type", "application/json; charset=latin1", "Send the body as UTF-8; no other charset is read."],
    ["content-type", 'application/json;Charset="UTF-16"', "Send the body as UTF-8; no other charset is read."],
    ["content-type", "text/plain", "Send JSON as application/json."],
  ])("is refused: %s %s", async (name, value, error) => {
    const options = { body: { message: "" }, headers: { [name]: value } };
    for (const path of ["/api/v1/chat", "/api/chat/message"]) {
      const { status, body } = await ask(edge, "POST", path, options);
      expect([status, body.code, body.error]).toEqual([415, "UNSUPPORTED", error]);
    }
  });

  it("is refused by the endpoint that takes any type too", async () => {
    const headers = { "content-encoding": "gzip" };
    const url = `http://127.0.0.1:${edge.port}/api/v1/auth/dev-token`;
    const response = await fetch(url, { method: "POST", headers, body: gzipSync("{}") });
    expect(response.status).toBe(415);
  });

  it.each([
    "application/json; charset=utf-8",
    "application/json; charset=UTF8",
    'application/json; charset="us-ascii"',
  ])("is none with %s", async (type) => {
    const headers = { "content-type": type, "content-encoding": "identity" };
    const { body } = await ask(edge, "POST", "/api/v1/chat", { body: { message: "" }, headers });
    expect(body.code).toBe("EMPTY_MESSAGE");
  });

  it.each([
    ["null", "the body must be an object"],
    ["[]", "the body must be an object"],
    ["{}", "message is missing"],
    ['{"message":7}', "message must be a text"],
    ['{"message":"x","agent":[]}', "agent must be a text"],
    ['{"message":"x","id":""}', "id must not be empty"],
    ['{"message":"x","on_busy":"no"}', "on_busy must be one of enqueue, reject, interrupt"],
  ])("is told what is wrong with it: %s", async (body, problem) => {
    const answer = await ask(edge, "POST", "/api/v1/chat", { body });
    expect(answer.body.error).toBe(`The request is not valid: ${problem}.`);
  });

  it.each([
    ["limit=abc", "limit must be a whole number from 1 to 200"],
    ["limit=0", "limit must be a whole number from 1 to 200"],
    ["before=x", "before must be a place that a page has named"],
  ])("the same of a query: %s", async (query, problem) => {
    const answer = await ask(edge, "GET", `/api/v1/conversations/c_1/messages?${query}`);
    expect(answer.body.error).toBe(`The request is not valid: ${problem}.`);
  });
});

describe("HEAD", () => {
  const both = async (path: string) => {
    const get = (): Promise<Response> => request(edge, "GET", path);
    // The last one shows that the connection goes on.
    return [await get(), await request(edge, "HEAD", path), await get()] as const;
  };

  it.each(["/health", "/api/openapi.json", "/api/v1/conversations/c_1/messages"])(
    "answers as GET does, without the body: %s",
    async (path) => {
      const [got, head, again] = await both(path);
      expect([head.status, again.status]).toEqual([got.status, got.status]);
      expect(head.headers.get("content-type")).toBe(got.headers.get("content-type"));
      expect(Number(head.headers.get("content-length"))).toBe(Buffer.byteLength(await got.text()));
      expect(await head.text()).toBe("");
    },
  );

  it("says where there is nothing", async () => {
    const [got, head, again] = await both("/nowhere");
    expect([got.status, head.status, again.status]).toEqual([404, 404, 404]);
    expect(await head.text()).toBe("");
  });
});

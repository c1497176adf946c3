import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWorld, type EdgeUnderTest, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";

let world: World;
let edge: EdgeUnderTest;

beforeAll(async () => {
  world = await createWorld();
  edge = await world.addEdge();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("what is not here is refused as OpenAI's clients read it", () => {
  it.each([
    ["POST", "/v1/embeddings", 404],
    ["GET", "/v1/nothing/at/all", 404],
    ["DELETE", "/v1/files/file-1", 404],
    ["GET", "/v1/chat/completions", 405],
    ["PUT", "/v1/responses/resp_1", 405],
  ])("%s %s", async (method, path, code) => {
    const { status, body } = await ask(edge, method, path);
    expect([status, typeof body.error.message, body.error.type]).toEqual([code, "string", "invalid_request_error"]);
    expect(body.error.message).toContain(method);
  });

  it("but for streams of conversations, and for what is not below /v1", async () => {
    for (const [path, code] of [
      ["/v1/conversations/c_1/stream", 405],
      ["/v2/embeddings", 404],
    ] as const) {
      const { status, body } = await ask(edge, "POST", path, { body: {} });
      expect([status, typeof body.error]).toEqual([code, "string"]);
    }
  });
});

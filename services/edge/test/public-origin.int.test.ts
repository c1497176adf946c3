import { afterAll, beforeAll, expect, it } from "vitest";
import { createWorld, type World } from "./support/edge-fixture.ts";
import { ask } from "./support/http-client.ts";

let world: World;
beforeAll(async () => void (world = await createWorld()));
afterAll(() => world[Symbol.asyncDispose]());

it.each([
  ["its own address", "https://chat.example.org"],
  ["none", undefined],
])("an edge that has %s tells clients of MCP and A2A the same one", async (_what, publicUrl) => {
  const edge = await world.addEdge({ publicUrl });
  const origin = publicUrl ?? `http://127.0.0.1:${edge.port}`;
  const headers = { authorization: "Bearer nonsense", "x-forwarded-proto": "https" };
  const refused = await ask(edge, "POST", "/mcp", { headers, body: { jsonrpc: "2.0", id: 1, method: "ping" } });
  expect(refused.headers.get("www-authenticate")).toContain(
    `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`,
  );
  const { body: resource } = await ask(edge, "GET", "/.well-known/oauth-protected-resource/mcp", { user: null });
  expect(resource).toMatchObject({ resource: `${origin}/mcp` });
  const { body: card } = await ask(edge, "GET", "/.well-known/agent-card.json", { user: null });
  expect(card).toMatchObject({ supportedInterfaces: [{ url: `${origin}/a2a` }] });
});

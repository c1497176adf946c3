import { startSystem, type System } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { devToken } from "./person.ts";
import { pngOf, storeFile } from "./stored-file.ts";

let system: System;

beforeAll(async () => {
  system = await startSystem({ toolWorkers: 0 });
});
afterAll(() => system[Symbol.asyncDispose]());

const png = pngOf(3, 2);
const dataUrl = `data:image/png;base64,${png.toString("base64")}`;
const sees = `I was given an image: image/png, ${png.length} bytes, 3 × 2 pixels`;

async function post(
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const edge = system.edges[0]!;
  const answer = await fetch(`http://127.0.0.1:${edge.port}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await devToken(edge, "anna")}`,
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

const image = (url: string) => ({ type: "image_url", image_url: { url } });
const completion = (content: object[], more: object = {}) =>
  post("/v1/chat/completions", { model: "parley", messages: [{ role: "user", content }], ...more });

it("Chat Completions: an image and a file as data, with and without a conversation", async () => {
  const text = { type: "text", text: "What is this?" };
  const file = { type: "file", file: { filename: "a.csv", file_data: Buffer.from("a,b\n1,2\n").toString("base64") } };
  const stateless = await completion([text, image(dataUrl), file]);
  expect(stateless).toMatchObject({ status: 200, text: expect.stringContaining(sees) });
  expect(stateless.text).toContain("the file a.csv (text/csv)");
  const kept = await completion([image(dataUrl)], { metadata: { conversation_id: "c_images" } });
  expect(kept).toMatchObject({ status: 200, text: expect.stringContaining(sees) });
});

it("Responses, A2A and AG-UI: an image as data", async () => {
  const content = [
    { type: "input_text", text: "What is this?" },
    { type: "input_image", image_url: dataUrl },
  ];
  const response = await post("/v1/responses", { input: [{ role: "user", content }] });
  expect(response).toMatchObject({ status: 200, text: expect.stringContaining(sees) });
  const parts = [{ text: "What is this?" }, { raw: png.toString("base64"), mediaType: "image/png", filename: "a.png" }];
  const message = { messageId: "m1", role: "ROLE_USER", parts };
  const rpc = { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message } };
  expect((await post("/a2a", rpc, { "a2a-version": "1.0" })).text).toContain(sees);
  const binary = { type: "binary", mimeType: "image/png", data: png.toString("base64") };
  const run = {
    ...{ threadId: "t1", runId: "r1", state: {}, tools: [], context: [], forwardedProps: {} },
    messages: [{ id: "m1", role: "user", content: [{ type: "text", text: "What?" }, binary] }],
  };
  const said = [...(await post("/api/ag-ui", run)).text.matchAll(/"delta":("(?:[^"\\]|\\.)*")/g)];
  expect(said.map(([, delta = '""']) => String(JSON.parse(delta))).join("")).toContain(sees);
});

it("an address of somebody else's is refused and never asked, and a file of somebody else's is none", async () => {
  const address = `http://127.0.0.1:${system.modelSimulator.port}/v1/models`;
  expect(await completion([image(address)])).toMatchObject({
    status: 400,
    text: expect.stringContaining("not fetched"),
  });
  const bens = await storeFile(system.nats, { user: "ben", name: "a.png", bytes: png });
  expect(await completion([image(`/api/v1/files/${bens}`)])).toMatchObject({ status: 404 });
  const own = await storeFile(system.nats, { user: "anna", name: "a.png", bytes: png });
  expect((await completion([image(`https://chat.example/api/v1/files/${own}`)])).text).toContain(sees);
});

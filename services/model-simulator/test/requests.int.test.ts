import { expect, test } from "vitest";
import { readStream, startSimulator } from "./simulator.ts";

async function post(url: string, body: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method: "POST", body });
  return { status: response.status, body: await response.json() };
}

test("offers models whose names say that they are simulated", async () => {
  await using simulator = await startSimulator();
  const models = await simulator.client.models.list();
  expect(models.data.map((model) => model.id)).toEqual(["parley-simulated", "parley-simulated-fast"]);
  expect(await simulator.client.models.retrieve("parley-simulated")).toMatchObject({ owned_by: "parley-simulated" });
});

test("is ready", async () => {
  await using simulator = await startSimulator();
  expect((await fetch(`${simulator.url}/readyz`)).status).toBe(200);
});

test.each([
  ["an unknown path", "/v1/nothing", "{}", 404, "unknown_url"],
  ["a wrong method", "/v1/models", "{}", 405, "method_not_allowed"],
  ["a body that is not JSON", "/v1/chat/completions", "{", 400, null],
  ["a body without messages", "/v1/chat/completions", '{"model":"parley-simulated"}', 400, null],
  [
    "an unknown model",
    "/v1/chat/completions",
    '{"model":"other","messages":[{"role":"user","content":"x"}]}',
    404,
    "model_not_found",
  ],
])("refuses %s in the provider's form", async (...[, path, body, status, code]) => {
  await using simulator = await startSimulator();
  expect(await post(simulator.url + path, body)).toMatchObject({
    status,
    body: { error: { message: expect.stringMatching(/\.$/), type: "invalid_request_error", code } },
  });
});

test("refuses a body above 32 MiB", async () => {
  await using simulator = await startSimulator();
  const body = JSON.stringify({
    model: "parley-simulated",
    messages: [{ role: "user", content: "x".repeat(32 * 1024 * 1024) }],
  });
  expect(await post(`${simulator.url}/v1/chat/completions`, body)).toMatchObject({ status: 413 });
});

test.each([
  ["a tool result without its call", [{ role: "tool", tool_call_id: "x", content: "1" }]],
  [
    "a call without its result",
    [
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "x", type: "function", function: { name: "a", arguments: "{}" } }],
      },
      { role: "user", content: "next" },
    ],
  ],
])("refuses %s", async (_what, messages) => {
  await using simulator = await startSimulator();
  const body = JSON.stringify({ model: "parley-simulated", messages });
  expect(await post(`${simulator.url}/v1/chat/completions`, body)).toMatchObject({ status: 400 });
});

test("keeps a journal of requests and how they ended", async () => {
  await using simulator = await startSimulator();
  await readStream(await simulator.open("/sim tokens=5", {}, { "x-client-request-id": "turn-1/1" }));
  await readStream(await simulator.open("/sim tokens=5 cut=2", {}, { "x-client-request-id": "turn-2/1" }));
  await expect
    .poll(() => simulator.journal("?client_request_id=turn-1"))
    .toMatchObject([
      {
        id: "req-1",
        model: "parley-simulated",
        stream: true,
        tokens_sent: 5,
        state: "completed",
        last_user_message: "/sim tokens=5",
      },
    ]);
  await expect
    .poll(() => simulator.journal("?state=failed"))
    .toMatchObject([{ client_request_id: "turn-2/1", tokens_sent: 2 }]);
});

test("empties the journal on demand", async () => {
  await using simulator = await startSimulator();
  await readStream(await simulator.open("Hello"));
  expect((await fetch(`${simulator.url}/sim/requests`, { method: "DELETE" })).status).toBe(204);
  expect(await simulator.journal()).toEqual([]);
});

test("holds 300 open streams and ends them all", async () => {
  await using simulator = await startSimulator();
  const streams = Array.from({ length: 300 }, async (_, index) =>
    readStream(await simulator.open(`/sim tokens=20 rate=50 n${index}`)),
  );
  const texts = new Set((await Promise.all(streams)).map((read) => read.text));
  expect([...texts]).toEqual([Array.from({ length: 20 }, (_, index) => `w${index}`).join(" ")]);
});

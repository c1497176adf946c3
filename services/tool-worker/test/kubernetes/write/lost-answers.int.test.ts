import { afterEach, beforeEach, expect, it } from "vitest";
import { NotDoneError, UnknownEffectError } from "../../../src/tools/tool.ts";
import { startScriptedApi, type OnChange } from "../../support/scripted-api.ts";

let api: Awaited<ReturnType<typeof startScriptedApi>>;

beforeEach(async () => {
  api = await startScriptedApi();
});
afterEach(() => api[Symbol.asyncDispose]());

const patched = () => {
  const patch = { spec: { replicas: 5 } };
  return api.call("k8s_patch", { kind: "Deployment", apiVersion: "apps/v1", name: "cart", namespace: "shop", patch });
};
const answer =
  (status: number, body: object = {}): OnChange =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ kind: "Status", ...body }));
  };
const hangUp: OnChange = (request) => {
  request.socket.destroy();
};
const hangUpInside: OnChange = (request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
  response.write("{");
  setTimeout(() => request.socket.destroy(), 20);
};

it.each([
  ["an error of its own", answer(500)],
  ["no answer of what stands before it", answer(502)],
  ["a time-out", answer(504)],
  ["the end of the connection", hangUp],
  ["half an answer", hangUpInside],
  ["something that is no answer", (_, response) => response.writeHead(200).end("<html>")] as [string, OnChange],
])("nobody knows what became of a change that is answered with %s, and it is made once", async (_, onChange) => {
  api.state.onChange = onChange;
  const call = patched();
  await call.preview();
  await expect(call.run()).rejects.toThrow(UnknownEffectError);
  expect(api.state.changes).toBe(1);
});

it.each([
  ["forbidden", answer(403)],
  ["not valid", answer(422, { message: "spec.replicas is wrong" })],
  ["gone", answer(404)],
  ["too much at the moment", answer(429)],
])("nothing was changed when a change is %s, and it is not tried again", async (_, onChange) => {
  api.state.onChange = onChange;
  const call = patched();
  await call.preview();
  await expect(call.run()).rejects.toThrow(NotDoneError);
  expect(api.state.changes).toBe(1);
});

it("nothing was changed when there is no server any more", async () => {
  const call = patched();
  await call.preview();
  await api.stop();
  // On a connection that was open nobody could say whether the change went out.
  await expect(patched().preview()).rejects.toThrow("cannot be reached");
  await expect(call.run()).rejects.toThrow(NotDoneError);
});

it("a version that is never the right one is given up after some tries", async () => {
  api.state.onChange = answer(409, { reason: "Conflict" });
  const call = patched();
  await call.preview();
  await expect(call.run()).rejects.toThrow(NotDoneError);
  expect(api.state.changes).toBe(4);
});

it("nobody knows what became of a change that is stopped when it was sent", async () => {
  const stop = new AbortController();
  api.state.onChange = () => stop.abort();
  const call = patched();
  await call.preview();
  const outcome: unknown = await call.run(stop.signal).catch((error: unknown) => error);
  expect(outcome).not.toBeInstanceOf(NotDoneError);
  expect(api.state.changes).toBe(1);
});

it("a change that is stopped before it is sent is not sent", async () => {
  const call = patched();
  await call.preview();
  await expect(call.run(AbortSignal.abort())).rejects.toThrow(NotDoneError);
  expect(api.state.changes).toBe(0);
});

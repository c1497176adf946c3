import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { chunk, sendJson, sendStream, startProvider, writeChunks, type Answer } from "../model/fake-provider.ts";
import { askInOrder, routesOf } from "./order-of-models.ts";

const says =
  (text: string): Answer =>
  (res) =>
    sendStream(res, chunk({ content: text }), chunk({}, "stop"));
const fails =
  (status: number): Answer =>
  (res) =>
    sendJson(res, status, { error: { message: "no" } });
const hangs: Answer = () => {};
/** Says something, and breaks off. */
const breaks: Answer = (res: ServerResponse) => {
  writeChunks(res, chunk({ content: "half" }));
  setTimeout(() => res.destroy(), 20);
};

/** Models `a`, `b`, … each at a server of its own; each has all others behind it in its place. */
async function modelsAt(answers: readonly Answer[], extra: object = {}, file: object = {}) {
  const providers = await Promise.all(answers.map((answer) => startProvider(answer)));
  const names = providers.map((_provider, at) => "abcdef".charAt(at));
  const { routes, waits } = routesOf({
    servers: providers.map(({ baseURL }, at) => ({ name: `s${names[at]}`, address: baseURL, ...file })),
    models: names.map((name, at) => ({
      ...{ name, id: `${name}-at-server`, server: `s${name}`, fallbacks: names.slice(at + 1) },
      ...{ attempts: 1, ...extra },
    })),
    breaker: { failures: 2, open_ms: 60_000 },
  });
  return {
    ...{ routes, providers, waits },
    counts: () => providers.map(({ requests }) => requests.length),
    async [Symbol.asyncDispose]() {
      for (const provider of providers) await provider[Symbol.asyncDispose]();
    },
  };
}

test("the first model answers, and nobody hears of the others", async () => {
  await using at = await modelsAt([says("one"), says("two")]);
  const { told, text, error } = await askInOrder(at.routes, "a");
  expect([told, text, error, at.counts()]).toEqual([["asked a"], "one", undefined, [1, 0]]);
  expect(at.providers[0]?.requests[0]?.body).toMatchObject({ model: "a-at-server" });
});

test.each([
  ["an error of the server", fails(503), "MODEL_UNAVAILABLE"],
  ["refused credentials", fails(401), "MODEL_UNAVAILABLE"],
  ["an unknown model", fails(404), "MODEL_UNAVAILABLE"],
  ["too many requests", fails(429), "MODEL_UNAVAILABLE"],
])("after %s the next one is asked, once that is stored", async (_what, answer, code) => {
  await using at = await modelsAt([answer, fails(500), says("three")]);
  const { told, text } = await askInOrder(at.routes, "a");
  expect(text).toBe("three");
  expect(told).toEqual([
    ...["asked a", `a failed: ${code}`, `b for a: ${code}`, "stored", "asked b"],
    ...["b failed: MODEL_UNAVAILABLE", "c for b: MODEL_UNAVAILABLE", "stored", "asked c"],
  ]);
});

test("no first token in its time, and no whole answer in its time, are failures like others", async () => {
  await using first = await modelsAt([hangs, says("two")], { first_token_ms: 50 });
  expect(await askInOrder(first.routes, "a")).toMatchObject({ text: "two", error: undefined });
  await expect.poll(() => first.providers[0]?.requests[0]?.closedAt).toBeDefined();
  const drips: Answer = (res) => void setInterval(() => writeChunks(res, chunk({ content: "." })), 10).unref();
  await using whole = await modelsAt([drips, says("two")], { total_ms: 300 });
  const { told, text, events } = await askInOrder(whole.routes, "a");
  expect(text).toBe("two");
  expect(told).toContain("a failed: MODEL_TIMEOUT after text");
  expect(events.filter(({ type }) => type === "restart")).toHaveLength(1);
  await expect.poll(() => whole.providers[0]?.requests[0]?.closedAt).toBeDefined();
});

test("text that was told stays until the next model says something, and for good if none does", async () => {
  await using at = await modelsAt([breaks, says("whole")]);
  const { events } = await askInOrder(at.routes, "a");
  expect(events.map(({ type }) => type)).toEqual(["text", "restart", "text", "end"]);
  await using none = await modelsAt([breaks, fails(500)]);
  const { text, error } = await askInOrder(none.routes, "a");
  expect([text, error]).toEqual(["half", expect.objectContaining({ code: "MODEL_UNAVAILABLE" })]);
});

test("each model gets its repetitions before the next one is asked", async () => {
  await using at = await modelsAt([fails(500), says("two")], { attempts: 2 });
  await askInOrder(at.routes, "a");
  expect(at.counts()).toEqual([2, 1]);
});

test("who fails too often is passed over at once, and tried again by one when its time is over", async () => {
  await using at = await modelsAt([fails(500), says("two")]);
  await askInOrder(at.routes, "a");
  await askInOrder(at.routes, "a");
  const { told, text } = await askInOrder(at.routes, "a");
  expect([told, text, at.counts()]).toEqual([["b for a: open", "stored", "asked b"], "two", [2, 3]]);
  expect(at.routes.notes()).toEqual(["The model a has failed too often in a row: it is left alone for a while."]);
});

test("where all are left alone the first is asked all the same, and an answer of it ends that", async () => {
  let isDown = true;
  const recovers: Answer = (res, ...rest) => (isDown ? fails(500) : says("back"))(res, ...rest);
  await using at = await modelsAt([recovers, fails(500)]);
  await askInOrder(at.routes, "a");
  await askInOrder(at.routes, "a");
  expect(at.routes.breakers().map(([, state]) => state)).toEqual(["open", "open"]);
  isDown = false;
  const { told, text } = await askInOrder(at.routes, "a");
  expect([told, text]).toEqual([["asked a"], "back"]);
  expect(at.routes.breakers().map(([, state]) => state)).toEqual(["closed", "open"]);
});

test("a repetition gives way to another model once this one is left alone", async () => {
  await using at = await modelsAt([fails(500), says("two")], { attempts: 9 });
  await askInOrder(at.routes, "a");
  expect(at.counts()).toEqual([2, 1]);
});

test("a provider that wants a pause gets none while there is another model", async () => {
  const busy: Answer = (res) => sendJson(res, 429, { error: { message: "slow down" } }, { "retry-after": "2" });
  await using at = await modelsAt([busy, says("two")], { attempts: 3 });
  const since = performance.now();
  expect(await askInOrder(at.routes, "a")).toMatchObject({ text: "two" });
  expect([at.counts(), performance.now() - since < 2_000]).toEqual([[1, 1], true]);
});

test("a takeover goes on with the model that was chosen, and says nothing of it again", async () => {
  await using at = await modelsAt([says("one"), fails(500), says("three")]);
  const { told, text } = await askInOrder(at.routes, "a", { committed: "b" });
  expect(text).toBe("three");
  expect(told).toEqual([
    ...["asked b", "b failed: MODEL_UNAVAILABLE", "c for b: MODEL_UNAVAILABLE", "stored", "asked c"],
  ]);
  expect(at.counts()).toEqual([0, 1, 1]);
});

test("what does not fit goes to a model that takes more, and to no other", async () => {
  const tooLarge: Answer = (res) => sendJson(res, 400, { error: { code: "context_length_exceeded", message: "long" } });
  await using large = await startProvider(says("large"));
  await using small = await startProvider(tooLarge);
  const model = (name: string, address: string, context_tokens: number) => ({ name, server: address, context_tokens });
  const { routes } = routesOf({
    servers: [small, large].map(({ baseURL }) => ({ name: baseURL, address: baseURL })),
    models: [
      { ...model("a", small.baseURL, 8_000), fallbacks: ["b", "c"] },
      { ...model("b", small.baseURL, 8_000), fallbacks: [] },
      { ...model("c", large.baseURL, 200_000), fallbacks: ["b"] },
    ],
  });
  expect(await askInOrder(routes, "a")).toMatchObject({ text: "large" });
  expect(small.requests).toHaveLength(1);
  expect(await askInOrder(routes, "b")).toMatchObject({ error: { code: "CONTEXT_TOO_LARGE" } });
});

test("an abort closes the request, whichever model it is at, and asks nobody else", async () => {
  await using at = await modelsAt([fails(500), hangs, says("three")]);
  const stop = new AbortController();
  const asking = askInOrder(at.routes, "a", { signal: stop.signal });
  await expect.poll(() => at.counts()).toEqual([1, 1, 0]);
  stop.abort(new Error("cancelled"));
  expect(await asking).toMatchObject({ error: { message: "cancelled" } });
  await expect.poll(() => at.providers[1]?.requests[0]?.closedAt).toBeDefined();
  expect(at.counts()).toEqual([1, 1, 0]);
});

test("what the reader of an answer throws is nobody's failure", async () => {
  await using at = await modelsAt([says("one"), says("two")]);
  const onEvents = (): never => {
    throw new Error("no room");
  };
  expect(await askInOrder(at.routes, "a", { onEvents })).toMatchObject({ error: { message: "no room" } });
  expect([at.counts(), at.routes.breakers()[0]]).toEqual([
    [1, 0],
    ["a", "closed"],
  ]);
});

test("a full server is passed over after a bounded wait; who gives up there is gone at once", async () => {
  await using at = await modelsAt([hangs, says("two")], {}, { concurrent: 1, queue_ms: 100 });
  const stops = [new AbortController(), new AbortController()];
  const holding = askInOrder(at.routes, "a", { signal: stops[0]?.signal ?? never });
  await expect.poll(() => at.counts()).toEqual([1, 0]);
  const waiting = askInOrder(at.routes, "a", { signal: stops[1]?.signal ?? never });
  const [place] = [...at.routes.places()].map(([, places]) => places);
  await expect.poll(() => place?.waiting()).toBe(1);
  stops[1]?.abort(new Error("cancelled"));
  expect(await waiting).toMatchObject({ error: { message: "cancelled" } });
  expect(await askInOrder(at.routes, "a")).toMatchObject({ text: "two", error: undefined });
  stops[0]?.abort();
  await holding;
  expect([at.counts(), at.waits, at.routes.breakers()[0]]).toEqual([
    [1, 1],
    ["sa", "sa"],
    ["a", "closed"],
  ]);
});

const never = new AbortController().signal;

test("an agent's own order goes before the table's; a message that names a model has the table's", async () => {
  await using at = await modelsAt([says("one"), says("two"), says("three")]);
  const agent = { model: "a", fallbacks: ["c"] };
  expect(at.routes.orderOf({ asked: undefined, agent })?.map(({ name }) => name)).toEqual(["a", "c"]);
  expect(at.routes.orderOf({ asked: "b", agent })?.map(({ name }) => name)).toEqual(["b", "c"]);
  expect(at.routes.orderOf({ asked: "made-up", agent })).toBeUndefined();
  expect(at.routes.orderOf({ asked: undefined, agent: {} })).toBeUndefined();
  const unnamed = { model: "x", fallbacks: ["y", "a"] };
  expect(
    at.routes.orderOf({ asked: undefined, agent: unnamed })?.map(({ name, provider }) => [name, provider.model]),
  ).toEqual([
    ["x", "x"],
    ["y", "y"],
    ["a", "a-at-server"],
  ]);
});

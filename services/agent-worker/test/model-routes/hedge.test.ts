import { expect, test } from "vitest";
import { chunk, sendJson, sendStream, startProvider, type Answer } from "../model/fake-provider.ts";
import { askInOrder, routesOf } from "./order-of-models.ts";

const says = (text: string, afterMs = 0): Answer => {
  return (res) => void setTimeout(() => sendStream(res, chunk({ content: text }), chunk({}, "stop")), afterMs);
};
const hangs: Answer = () => {};
const fails = (afterMs: number): Answer => {
  return (res) => void setTimeout(() => sendJson(res, 503, { error: { message: "no" } }), afterMs);
};

async function pair(first: Answer, second: Answer, server: object = {}, afterMs = 60) {
  const [one, two] = [await startProvider(first), await startProvider(second)];
  const { routes } = routesOf({
    servers: [
      { name: "one", address: one.baseURL },
      { name: "two", address: two.baseURL, ...server },
    ],
    models: [
      { name: "a", server: "one", fallbacks: ["b"], hedge_after_ms: afterMs, attempts: 1 },
      { name: "b", server: "two", attempts: 1 },
    ],
    breaker: { failures: 2 },
  });
  return {
    ...{ one, two, routes },
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    },
  };
}

test("who answers soon is asked alone", async () => {
  await using at = await pair(says("one"), says("two"), {}, 5_000);
  expect(await askInOrder(at.routes, "a")).toMatchObject({ told: ["asked a"], text: "one" });
  expect(at.two.requests).toHaveLength(0);
});

test("who says nothing for a while has another one beside it; the quicker answers, the other is closed at once", async () => {
  await using at = await pair(hangs, says("two"));
  const { told, text, events } = await askInOrder(at.routes, "a");
  expect([told, text]).toEqual([["asked a", "hedge a b: second", "b for a: quicker"], "two"]);
  expect(events.map(({ type }) => type)).toEqual(["text", "end"]);
  await expect.poll(() => at.one.requests[0]?.closedAt).toBeDefined();
  const ids = [at.one, at.two].map(({ requests }) => requests[0]?.headers["x-client-request-id"]);
  expect(new Set(ids).size).toBe(2);
});

test("who is always slower than the other one is left alone, and the quicker one is asked at once", async () => {
  await using at = await pair(hangs, says("two"));
  for (let i = 0; i < 2; i++) await askInOrder(at.routes, "a");
  await expect
    .poll(() => at.routes.breakers())
    .toEqual([
      ["a", "open"],
      ["b", "closed"],
    ]);
  expect(await askInOrder(at.routes, "a")).toMatchObject({ told: ["b for a: open", "stored", "asked b"], text: "two" });
});

test("the first may still win, and nothing is said of a model that was asked in vain", async () => {
  await using at = await pair(says("one", 200), hangs);
  const { told, text } = await askInOrder(at.routes, "a");
  expect([told, text]).toEqual([["asked a", "hedge a b: first"], "one"]);
  await expect.poll(() => at.two.requests[0]?.closedAt).toBeDefined();
});

test("where one fails the other goes on", async () => {
  await using late = await pair(fails(120), says("two", 250));
  expect(await askInOrder(late.routes, "a")).toMatchObject({ text: "two", error: undefined });
  await using early = await pair(says("one", 250), fails(0));
  expect(await askInOrder(early.routes, "a")).toMatchObject({ text: "one", error: undefined });
});

test("where both fail it is the failure of the first, and the order goes on", async () => {
  await using at = await pair(fails(150), fails(0));
  const { told, error } = await askInOrder(at.routes, "a");
  expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE" });
  expect(told).toEqual(["asked a", "a failed: MODEL_UNAVAILABLE", "b for a: MODEL_UNAVAILABLE", "stored", "asked b"]);
});

test("without anybody else the same model is asked once more; without a place nobody is", async () => {
  let asked = 0;
  await using once = await startProvider((res, ...rest) => (asked++ === 0 ? hangs : says("again"))(res, ...rest));
  const { routes } = routesOf({
    servers: [{ name: "one", address: once.baseURL }],
    models: [{ name: "a", server: "one", hedge_after_ms: 40, attempts: 1 }],
  });
  expect(await askInOrder(routes, "a")).toMatchObject({ told: ["asked a", "hedge a a: second"], text: "again" });
  await expect.poll(() => once.requests[0]?.closedAt).toBeDefined();

  await using full = await pair(says("one", 200), hangs, { concurrent: 1 });
  const stop = new AbortController();
  const holding = askInOrder(full.routes, "b", { signal: stop.signal });
  await expect.poll(() => full.two.requests.length).toBe(1);
  // The same model once more, as the other one has no place.
  const { text } = await askInOrder(full.routes, "a");
  expect([text, full.two.requests.length, full.one.requests.length]).toEqual(["one", 1, 2]);
  stop.abort();
  await holding;
});

test("an abort closes both at once", async () => {
  await using at = await pair(hangs, hangs);
  const stop = new AbortController();
  const asking = askInOrder(at.routes, "a", { signal: stop.signal });
  await expect.poll(() => at.two.requests.length).toBe(1);
  stop.abort(new Error("cancelled"));
  expect(await asking).toMatchObject({ error: { message: "cancelled" } });
  await expect.poll(() => [at.one.requests[0]?.closedAt, at.two.requests[0]?.closedAt].every(Boolean)).toBe(true);
});

test("a second one that has won is the one that is repeated when it breaks off", async () => {
  let asked = 0;
  const stumbles: Answer = (res, ...rest) => {
    if (asked++ > 0) return says("whole")(res, ...rest);
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(`data: ${JSON.stringify(chunk({ content: "half" }))}\n\n`);
    setTimeout(() => res.destroy(), 20);
  };
  await using one = await startProvider(hangs);
  await using two = await startProvider(stumbles);
  const { routes } = routesOf({
    servers: [one, two].map(({ baseURL }) => ({ name: baseURL, address: baseURL })),
    models: [
      { name: "a", server: one.baseURL, fallbacks: ["b"], hedge_after_ms: 30 },
      { name: "b", server: two.baseURL },
    ],
  });
  const { text, told } = await askInOrder(routes, "a");
  expect([text, told]).toEqual(["whole", ["asked a", "hedge a b: second", "b for a: quicker"]]);
  expect([one.requests.length, two.requests.length]).toEqual([1, 2]);
});

import { expect, test } from "vitest";
import { streamWithRetry } from "../../src/model/retry.ts";
import {
  chunk,
  collect,
  createClient,
  never,
  question,
  sendJson,
  sendStream,
  startProvider,
  withTool,
  writeChunks,
} from "./fake-provider.ts";

const refusal = { error: { message: "test-model does not support tools" } };
const answer = [chunk({ content: "Noon" }), chunk({}, "stop")];
const kindsOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type);

/** Of a model that takes no tools. */
const startToolless = () =>
  startProvider((res, { body }) => {
    if ("tools" in body) sendJson(res, 400, refusal);
    else sendStream(res, ...answer);
  });

test("an answer to a request whose tools were refused says first that it came without them, also the next ones", async () => {
  await using provider = await startToolless();
  const client = provider.client();
  for (let answers = 0; answers < 2; answers++) {
    expect(kindsOf(await collect(client, withTool, never()))).toEqual(["without_tools", "text", "end"]);
  }
  expect(provider.requests.map(({ body }) => "tools" in body)).toEqual([true, false, false]);
  expect(kindsOf(await collect(client, question, never()))).toEqual(["text", "end"]);
});

test("a rule that a model takes no tools is told as well", async () => {
  await using provider = await startToolless();
  const client = createClient(provider.baseURL, { rules: [{ model: "*", server: "*", tools: false }] });
  expect(kindsOf(await collect(client, withTool, never()))).toEqual(["without_tools", "text", "end"]);
});

test("an answer with tools says nothing", async () => {
  await using provider = await startProvider((res) => sendStream(res, ...answer));
  expect(kindsOf(await collect(provider.client(), withTool, never()))).toEqual(["text", "end"]);
});

test("that there are no tools is no content: an answer that breaks off in its reasoning is repeated, and only the reasoning is void", async () => {
  await using provider = await startProvider((res, { body }, turn) => {
    if ("tools" in body) sendJson(res, 400, refusal);
    else if (turn > 1) sendStream(res, ...answer);
    else {
      writeChunks(res, chunk({ reasoning: "hm" }));
      setTimeout(() => res.destroy(), 50);
    }
  });
  const kinds: string[] = [];
  await streamWithRetry(provider.client(), withTool, {
    signal: never(),
    random: () => 0,
    onEvents: (events) => void kinds.push(...kindsOf(events)),
  });
  expect(kinds).toEqual(["without_tools", "reasoning", "restart", "without_tools", "text", "end"]);
});

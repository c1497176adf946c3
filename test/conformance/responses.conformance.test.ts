import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createResponsesSpeech, createTurnSteps } from "@parley/dialects";
import { createTurnView } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Service } from "@parley/testkit";
import { z } from "zod";
import { hasClients, runClient, type ClientRun } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Item = z.looseObject({
  id: z.string(),
  type: z.string(),
  status: z.string().optional(),
  content: z.array(z.looseObject({ text: z.string() })).optional(),
});
type Item = z.infer<typeof Item>;
const Response = z.looseObject({
  id: z.string(),
  status: z.string(),
  conversation: z.object({ id: z.string() }),
  output: z.array(Item),
  error: z.looseObject({ code: z.string() }).nullable(),
  incomplete_details: z.looseObject({ reason: z.string() }).nullable(),
  usage: z.looseObject({ total_tokens: z.number() }).nullable(),
});
type Response = z.infer<typeof Response>;
const Event = z.looseObject({
  type: z.string(),
  sequence_number: z.number(),
  delta: z.string().optional(),
  item: Item.optional(),
  response: Response.optional(),
});
type Event = z.infer<typeof Event>;

const messageOf = ({ output }: Response): string =>
  output
    .filter(({ type }) => type === "message")
    .flatMap(({ content = [] }) => content.map(({ text }) => text))
    .join("");
const textIn = (events: readonly Event[]): string =>
  events.map(({ type, delta }) => (type === "response.output_text.delta" ? delta : "")).join("");
const orderOf = (events: readonly Event[]): string[] =>
  events.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1]);

describe.skipIf(!hasClients)("OpenAI's Responses", () => {
  let world: ConformanceWorld;
  let apiKey: string;
  let workers: Service[];
  beforeAll(async () => {
    world = await startConformanceWorld({ "agent-worker": { ACK_WAIT_MS: "2000" } });
    apiKey = await world.token();
    workers = [...world.system.agentWorkers];
  }, 90_000);
  afterAll(() => world[Symbol.asyncDispose]());

  const eventsOf = ({ lines }: ClientRun): Event[] =>
    lines.filter(({ type }) => type === "event").map((line) => Event.parse(line["event"]));

  describe.each([
    ["openai 6.49.0 (Responses)", "openai-6"],
    ["openai 7.59.0 (Responses)", "openai-7"],
  ])("%s", (_column, client) => {
    const run = (how: "call" | "raw" | "helper", args: unknown[], more: object = {}): ClientRun =>
      runClient("responses", { input: { client, baseURL: `${world.proxyUrl}/v1`, apiKey, how, args, ...more } });
    const call = async (path: string[], ...args: unknown[]): Promise<unknown> => {
      const running = run("call", args, { path });
      const last = await Promise.race([running.until("end"), running.until("error")]);
      if (last.type === "error") throw new Error(JSON.stringify(last));
      return last["items"] ?? last["result"];
    };
    const create = async (body: object) => Response.parse(await call(["responses", "create"], body));
    const retrieve = async (id: string) => Response.parse(await call(["responses", "retrieve"], id));
    const resultOf = async (running: ClientRun) => Response.parse((await running.until("end"))["result"]);
    const failureOf = (path: string[], ...args: unknown[]) => run("call", args, { path }).until("error");
    /** Asks and leaves after so many events. */
    const cut = async (body: object, cutAfter: number) => {
      const running = run("raw", [body], { cutAfter });
      await running.until("end");
      const events = eventsOf(running);
      return { events, id: events[0]?.response?.id ?? "" };
    };
    const rest = async (id: string, after: number) => {
      const running = run("raw", [id, { starting_after: after }]);
      await running.until("end");
      return eventsOf(running);
    };

    test("text: events, the helper, a request that does not stream and a later look say the same", async () => {
      const ask = { model: "parley", input: asks.numbered(20) };
      const raw = run("raw", [ask]);
      await raw.until("end");
      const events = eventsOf(raw);
      expect(orderOf(events)).toEqual([
        ...["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"],
        ...["response.output_text.delta", "response.output_text.done", "response.content_part.done"],
        ...["response.output_item.done", "response.completed"],
      ]);
      expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at));
      expect(textIn(events)).toBe(numberedWords(20));
      const helper = run("helper", [ask]);
      expect((await helper.until("end"))["text"]).toBe(numberedWords(20));
      const plain = await create(ask);
      expect(plain).toMatchObject({ status: "completed", object: "response", error: null });
      expect(messageOf(plain)).toBe(numberedWords(20));
      expect(await retrieve(plain.id)).toEqual({ ...plain, created_at: expect.any(Number) });
    });

    test("text: a conversation goes on from a response, by its name, or by its items", async () => {
      const first = await create({ model: "parley", input: "My name is Ada." });
      const second = await create({ input: asks.numbered(2), previous_response_id: first.id });
      expect(second).toMatchObject({ conversation: first.conversation, previous_response_id: first.id });
      const named = await create({ input: asks.numbered(3), conversation: first.conversation.id });
      const input = [...first.output, { role: "user", content: asks.numbered(4) }];
      const byItem = await create({ input });
      expect([named.conversation, byItem.conversation]).toEqual([first.conversation, first.conversation]);
      const items = z.array(Item).parse(await call(["conversations", "items", "list"], first.conversation.id));
      expect(items.filter(({ type }) => type === "message").map(({ content }) => content?.[0]?.text)).toEqual([
        ...[numberedWords(4), asks.numbered(4), numberedWords(3), asks.numbered(3)],
        ...[numberedWords(2), asks.numbered(2), expect.any(String), "My name is Ada."],
      ]);
    });

    test("text: what is there can be looked at and deleted, and what is not is not there", async () => {
      const conversation = z.object({ id: z.string() }).parse(await call(["conversations", "create"]));
      expect(await call(["conversations", "retrieve"], conversation.id)).toMatchObject({ object: "conversation" });
      const one = await create({ input: asks.numbered(2), conversation: conversation.id });
      expect(one.conversation).toEqual({ id: conversation.id });
      const asked = z.array(Item).parse(await call(["responses", "inputItems", "list"], one.id));
      expect(asked.map(({ content }) => content?.[0]?.text)).toEqual([asks.numbered(2)]);
      const two = await create({ input: asks.numbered(2), previous_response_id: one.id });
      expect(await failureOf(["responses", "delete"], one.id)).toMatchObject({ status: 409 });
      expect(await call(["conversations", "delete"], conversation.id)).toMatchObject({ deleted: true });
      for (const id of [two.id, "resp_68e1f0c2a7b08190"])
        expect(await failureOf(["responses", "retrieve"], id)).toMatchObject({ status: 404, code: "not_found" });
      const alone = await create({ input: asks.numbered(2) });
      await call(["responses", "delete"], alone.id);
      expect(await failureOf(["responses", "retrieve"], alone.id)).toMatchObject({ status: 404 });
    });

    test("text: somebody else's response is not there", async () => {
      const one = await create({ input: asks.numbered(2) });
      const other = { path: ["responses", "retrieve"], apiKey: await world.token("bert") };
      expect(await run("call", [one.id], other).until("error")).toMatchObject({ status: 404 });
      const on = { path: ["responses", "create"], apiKey: other.apiKey };
      const failed = run("call", [{ input: "Hi", previous_response_id: one.id }], on);
      expect(await failed.until("error")).toMatchObject({ status: 404, param: "previous_response_id" });
    });

    test("reasoning: is an item before the answer", async () => {
      const helper = run("helper", [{ model: "parley", input: asks.reasoning }]);
      const { output } = await resultOf(helper);
      expect(output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
      expect(orderOf(eventsOf(helper))).toContain("response.reasoning_summary_text.delta");
    });

    test("tools: a call is an item with its result", async () => {
      const { output } = await resultOf(run("helper", [{ model: "parley", input: asks.tool }]));
      const [called] = output.filter(({ type }) => type === "mcp_call");
      expect(called).toMatchObject({ status: "completed", server_label: "parley", error: null });
      expect(String(called?.["output"])).not.toBe("");
    });

    test("tools: a call of the client's own tool ends the answer, and its result goes on with it", async () => {
      const tool = { type: "function", name: "get_weather", parameters: { type: "object" }, strict: false };
      const ask = { model: "parley", input: 'call the tool get_weather with {"city":"Rome"}', tools: [tool] };
      const helper = run("helper", [ask]);
      const first = await resultOf(helper);
      const called = first.output.at(-1);
      expect(called).toMatchObject({ type: "function_call", name: "get_weather", arguments: '{"city":"Rome"}' });
      expect(orderOf(eventsOf(helper))).toContain("response.function_call_arguments.done");
      const output = { type: "function_call_output", call_id: called?.["call_id"], output: "12 degrees" };
      const next = await create({ model: "parley", input: [output], previous_response_id: first.id });
      expect(next).toMatchObject({ status: "completed", conversation: first.conversation });
      expect(messageOf(next)).not.toBe("");
    });

    test("parallel tools: each call is an item, one after another", async () => {
      const helper = run("helper", [{ model: "parley", input: asks.parallelTools }]);
      const calls = (await resultOf(helper)).output.filter(({ type }) => type === "mcp_call");
      expect(calls.map(({ status }) => status)).toEqual(["completed", "completed"]);
    });

    test("progress: a call that says how far it is is an item while it runs", async () => {
      const raw = run("raw", [{ model: "parley", input: 'call the tool demo_sleep with {"ms":1500}' }]);
      const calls = () => eventsOf(raw).filter(({ item }) => item?.type === "mcp_call");
      await expect.poll(() => calls().length).toBe(1);
      expect(calls()[0]?.item).toMatchObject({ status: "in_progress", output: null });
      await raw.until("end");
      expect(calls()[1]?.item).toMatchObject({ status: "completed" });
    });

    test("approval: the response ends with the request, and the next one has the rest of the turn", async () => {
      for (const approve of [true, false]) {
        const first = await resultOf(run("helper", [{ model: "parley", input: asks.approval }]));
        expect(first.status).toBe("completed");
        const request = first.output.find(({ type }) => type === "mcp_approval_request");
        const answer = { type: "mcp_approval_response", approval_request_id: request?.id, approve };
        const next = run("helper", [{ model: "parley", input: [answer], previous_response_id: first.id }]);
        const { output, status, id } = await resultOf(next);
        expect(status).toBe("completed");
        const called = output.find(({ type }) => type === "mcp_call");
        expect(called).toMatchObject({ approval_request_id: request?.id, status: approve ? "completed" : "failed" });
        expect(output.at(-1)?.type).toBe("message");
        // As often as one looks.
        expect((await retrieve(first.id)).output.map((item) => item.id)).toEqual(first.output.map((item) => item.id));
        expect(messageOf(await retrieve(id))).toBe(messageOf({ ...first, output }));
      }
    });

    test("stop: a cancelled response is one, and its stream ends so", async () => {
      const raw = run("raw", [{ model: "parley", input: asks.numbered(500, 20) }]);
      await expect.poll(() => textIn(eventsOf(raw)).length).toBeGreaterThan(10);
      const id = eventsOf(raw)[0]?.response?.id ?? "";
      const stopped = Response.parse(await call(["responses", "cancel"], id));
      expect(stopped).toMatchObject({ status: "cancelled", incomplete_details: { reason: "cancelled" } });
      await raw.until("end");
      const last = eventsOf(raw).at(-1);
      expect(last).toMatchObject({ type: "response.incomplete", response: { status: "cancelled" } });
      expect(textIn(eventsOf(raw))).toBe(messageOf(stopped));
      expect(await call(["responses", "cancel"], id)).toEqual(stopped);
    });

    test("stop: a client that leaves stops nothing", async () => {
      const { id } = await cut({ model: "parley", input: asks.numbered(30, 30) }, 6);
      await expect.poll(async () => (await retrieve(id)).status).toBe("completed");
      expect(messageOf(await retrieve(id))).toBe(numberedWords(30));
    });

    test("resume: goes on behind any event, without a loss or a repeat", async () => {
      const words = 40;
      for (const place of [0, 3, 5 + Math.floor(Math.random() * 20)]) {
        const { events, id } = await cut({ model: "parley", input: asks.numbered(words, 60) }, place + 1);
        const all = [...events, ...(await rest(id, place))];
        expect(all.map(({ sequence_number }) => sequence_number)).toEqual(all.map((_, at) => at));
        expect(textIn(all)).toBe(numberedWords(words));
        // The same when it has ended, and from the helper, which asks for all.
        expect(await rest(id, place)).toEqual(all.slice(place + 1));
        const helper = run("helper", [{ response_id: id, starting_after: place }]);
        expect((await helper.until("end"))["text"]).toBe(numberedWords(words));
      }
    });

    test("resume: in the background, and looked at until it is there", async () => {
      const begun = await create({ model: "parley", input: asks.numbered(30, 60), background: true });
      expect(["queued", "in_progress"]).toContain(begun.status);
      await expect.poll(async () => (await retrieve(begun.id)).status).toBe("completed");
      const events = await rest(begun.id, 1);
      expect(textIn(events)).toBe(numberedWords(30));
    });

    test("resume: the edge is killed, and the other one goes on", async () => {
      const [, second] = world.edges;
      const ask = { model: "parley", input: asks.numbered(60, 40) };
      const raw = run("raw", [ask], { baseURL: `http://127.0.0.1:${second.port}/v1` });
      await expect.poll(() => textIn(eventsOf(raw)).length).toBeGreaterThan(20);
      await second.kill("SIGKILL");
      await raw.until("error");
      const got = eventsOf(raw);
      const after = got.at(-1)?.sequence_number ?? -1;
      const more = run("raw", [got[0]?.response?.id, { starting_after: after }], { baseURL: `${world.url}/v1` });
      await more.until("end");
      expect(textIn([...got, ...eventsOf(more)])).toBe(numberedWords(60));
      await second.restart();
    });

    test("error: a failed answer says so", async () => {
      const failed = await resultOf(run("helper", [{ model: "parley", input: asks.error }]));
      expect(failed).toMatchObject({ status: "failed", error: { message: expect.any(String) } });
      const refused = run("call", [{ input: "Hi", store: false }], { path: ["responses", "create"] });
      expect(await refused.until("error")).toMatchObject({ status: 400, param: "store", code: "unsupported" });
      const image = { role: "user", content: [{ type: "input_image", image_url: "https://example.com/a.png" }] };
      const unread = run("call", [{ input: [image] }], { path: ["responses", "create"] });
      expect(await unread.until("error")).toMatchObject({ status: 400, param: "input[0].content[0].image_url" });
    });

    test("error: a request that is sent again is one turn", async () => {
      const input = `${asks.numbered(3)}\n${randomUUID()}`;
      const retried = async (count: string) => {
        const body = JSON.stringify({ model: "parley", input });
        const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
        const sent = { method: "POST", headers: { ...headers, "x-stainless-retry-count": count }, body };
        return Response.parse(await (await fetch(`${world.proxyUrl}/v1/responses`, sent)).json());
      };
      const [first, again, other] = [await retried("0"), await retried("1"), await retried("0")];
      expect(again.id).toBe(first.id);
      expect(other.id).not.toBe(first.id);
    });

    test("usage: is told at the end", async () => {
      const { usage } = await create({ model: "parley", input: asks.numbered(20) });
      expect(usage).toMatchObject({
        output_tokens: expect.any(Number),
        output_tokens_details: { reasoning_tokens: 0 },
      });
      expect(usage?.total_tokens).toBeGreaterThan(20);
    });

    test("takeover: a worker is killed, and its answer goes on in the same stream", async () => {
      const raw = run("raw", [{ model: "parley", input: asks.numbered(80, 30) }]);
      await expect.poll(() => textIn(eventsOf(raw)).length).toBeGreaterThan(20);
      // Whoever has the turn, and its successor too.
      for (const worker of workers.splice(0)) {
        workers.push(await world.system.add("agent-worker"));
        await worker.kill("SIGKILL");
      }
      await raw.until("end");
      const events = eventsOf(raw);
      expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at));
      expect(textIn(events)).toBe(numberedWords(80));
      expect(events.at(-1)?.response?.status).toBe("completed");
    });

    test("takeover: where the answer then is another one, the helper has that", async () => {
      await using other = await serveDiverging();
      const said = run("helper", [{ model: "parley", input: "Hello" }], { baseURL: other.url });
      const { output } = await resultOf(said);
      expect((await said.until("end"))["text"]).toBe("Good day to you.");
      expect(output).toHaveLength(1);
      const closed = eventsOf(said).filter(({ type }) => type === "response.output_item.done");
      expect(closed.map(({ item }) => item?.status)).toEqual(["incomplete", "completed"]);
    });
  });
});

/** A turn of which a client has a beginning that its next worker does not repeat: no model that is simulated does that. */
async function serveDiverging() {
  const place = { conversation_id: "c_1", turn_id: "t0" };
  const known = { segment: 0, createdMs: 0, model: "parley", previous: null, background: false, metadata: {} };
  const speech = createResponsesSpeech(known);
  const steps = createTurnSteps(speech.steps);
  const ended = { message_id: "t0-a", tool_calls: [], usage: { input_tokens: 1, output_tokens: 1 }, metadata: {} };
  const texts = ["Hello there, wor", "", "Good day"].map((text) => ({
    ...createTurnView("t0"),
    parts: [{ type: "text", text }],
  }));
  const outcome = { type: "complete" as const, response: "Good day to you.", ...ended };
  const last = {
    ...createTurnView("t0"),
    parts: [{ type: "text", text: outcome.response }],
    outcome,
    status: outcome.type,
  };
  const bytes = [...texts, last].flatMap((view) => [...speech.say(steps.advance(view), place).bytes]);
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/event-stream");
    response.end(Buffer.concat(bytes));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/v1`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

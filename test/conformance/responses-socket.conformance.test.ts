import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Service } from "@parley/testkit";
import { z } from "zod";
import { hasClients, runClient } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Item = z.looseObject({ id: z.string(), type: z.string(), status: z.string().optional() });
const Response = z.looseObject({
  id: z.string(),
  status: z.string(),
  store: z.boolean(),
  conversation: z.object({ id: z.string() }),
  output: z.array(Item),
  usage: z.looseObject({ total_tokens: z.number() }).nullable(),
});
const Event = z.looseObject({
  type: z.string(),
  sequence_number: z.number().optional(),
  delta: z.string().optional(),
  response: Response.optional(),
  status: z.number().optional(),
  error: z.looseObject({ code: z.string() }).optional(),
});
type Event = z.infer<typeof Event>;

const isEnd = ({ type }: Event): boolean => /^(response\.(completed|failed|incomplete)|error)$/.test(type);
const textIn = (events: readonly Event[]): string =>
  events.map(({ type, delta }) => (type === "response.output_text.delta" ? delta : "")).join("");

describe.skipIf(!hasClients)("OpenAI's Responses over a socket", () => {
  let world: ConformanceWorld;
  let apiKey: string;
  let workers: Service[];
  beforeAll(async () => {
    world = await startConformanceWorld({ "agent-worker": { ACK_WAIT_MS: "2000" } });
    apiKey = await world.token();
    workers = [...world.system.agentWorkers];
  }, 90_000);
  afterAll(() => world[Symbol.asyncDispose]());

  describe.each([
    ["openai 6.49.0 (Responses, WebSocket)", "openai-6"],
    ["openai 7.59.0 (Responses, WebSocket)", "openai-7"],
  ])("%s", (_column, client) => {
    const open = (baseURL = `${world.proxyUrl}/v1`) => {
      const running = runClient("responses-socket", { input: { client, baseURL, apiKey } });
      const events = (): Event[] =>
        running.lines.filter(({ type }) => type === "event").map((line) => Event.parse(line["event"]));
      let taken = 0;
      return {
        running,
        events,
        send: (body: object) => running.tell({ type: "response.create", model: "parley", ...body }),
        /** The events of the next response. */
        async next(): Promise<Event[]> {
          await expect.poll(() => events().slice(taken).some(isEnd), { timeout: 20_000 }).toBe(true);
          const from = taken;
          taken += events().slice(from).findIndex(isEnd) + 1;
          return events().slice(from, taken);
        },
      };
    };
    const lastOf = (events: readonly Event[]) => Response.parse(events.at(-1)?.response);
    const look = async (id: string, query = "") => {
      const headers = { authorization: `Bearer ${apiKey}` };
      return fetch(`${world.proxyUrl}/v1/responses/${id}${query}`, { headers });
    };

    test("text: responses on one socket come one after another, whole, and each from number 0", async () => {
      const { send, next } = open();
      send({ input: asks.numbered(40, 100) });
      send({ input: asks.numbered(3) });
      for (const words of [40, 3]) {
        const events = await next();
        expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at));
        expect(textIn(events)).toBe(numberedWords(words));
        const { id, output } = lastOf(events);
        expect(await (await look(id)).json()).toMatchObject({ id, output, store: true });
      }
    });

    test("text: what is not stored goes on within its socket only, and is gone with it", async () => {
      const { send, next, running } = open();
      send({ input: "My name is Ada.", store: false });
      const first = lastOf(await next());
      send({ input: asks.numbered(2), store: false, previous_response_id: first.id });
      const second = lastOf(await next());
      expect([first.store, second.store, second.conversation]).toEqual([false, false, first.conversation]);
      const other = open();
      other.send({ input: "Hi", store: false, previous_response_id: second.id });
      const gone = { code: "previous_response_not_found", param: "previous_response_id" };
      expect(await other.next()).toMatchObject([{ type: "error", status: 404, error: gone }]);
      expect((await look(second.id)).status).toBe(404);
      send({ input: asks.numbered(2), previous_response_id: second.id });
      expect(await next()).toMatchObject([{ type: "error", status: 400, error: { param: "store" } }]);
      running.tell({ type: "close" });
      await running.until("end");
      const messages = `${world.url}/api/v1/conversations/${first.conversation.id}/messages`;
      const read = async () => (await fetch(messages, { headers: { authorization: `Bearer ${apiKey}` } })).status;
      await expect.poll(read, { timeout: 10_000 }).toBe(404);
    });

    test("reasoning: is an item before the answer", async () => {
      const { send, next } = open();
      send({ input: asks.reasoning });
      expect(lastOf(await next()).output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
    });

    test("tools: a call of the client's own tool ends the answer, and its result goes on with it", async () => {
      const { send, next } = open();
      const tools = [{ type: "function", name: "get_weather", parameters: { type: "object" }, strict: false }];
      send({ input: "What's the weather like in Rome?", tools });
      const first = lastOf(await next());
      const called = first.output.at(-1);
      expect(called).toMatchObject({ type: "function_call", name: "get_weather" });
      const output = { type: "function_call_output", call_id: called?.["call_id"], output: "12 degrees" };
      send({ input: [output], previous_response_id: first.id });
      expect(lastOf(await next())).toMatchObject({ status: "completed", conversation: first.conversation });
    });

    test("parallel tools: each call is an item, one after another", async () => {
      const { send, next } = open();
      send({ input: asks.parallelTools });
      const calls = lastOf(await next()).output.filter(({ type }) => type === "mcp_call");
      expect(calls.map(({ status }) => status)).toEqual(["completed", "completed"]);
    });

    test("approval: the response ends with the request, and the next one has the rest of the turn", async () => {
      const { send, next } = open();
      send({ input: asks.approval });
      const first = lastOf(await next());
      const request = first.output.find(({ type }) => type === "mcp_approval_request");
      const answer = { type: "mcp_approval_response", approval_request_id: request?.id, approve: true };
      send({ input: [answer], previous_response_id: first.id });
      const { output } = lastOf(await next());
      expect(output[0]).toMatchObject({ type: "mcp_call", status: "completed", approval_request_id: request?.id });
      expect(output.at(-1)?.type).toBe("message");
    });

    test("stop: a socket that closes stops nothing", async () => {
      const { send, events, running } = open();
      send({ input: asks.numbered(30, 30) });
      await expect.poll(() => textIn(events()).length).toBeGreaterThan(10);
      running.tell({ type: "close" });
      const id = events()[0]?.response?.id ?? "";
      const state = async () => Response.parse(await (await look(id)).json()).status;
      await expect.poll(state, { timeout: 20_000 }).toBe("completed");
    });

    test("resume: the edge is killed, and what is stored is had by its number", async () => {
      const [, second] = world.edges;
      const { send, events, running } = open(`http://127.0.0.1:${second.port}/v1`);
      send({ input: asks.numbered(60, 40) });
      await expect.poll(() => textIn(events()).length).toBeGreaterThan(20);
      await second.kill("SIGKILL");
      await running.until("end");
      const got = events();
      const after = got.at(-1)?.sequence_number ?? -1;
      const path = `?stream=true&starting_after=${after}`;
      const rest = await (await look(got[0]?.response?.id ?? "", path)).text();
      const more = [...rest.matchAll(/^data: (\{.*\})$/gm)].map(([, json = ""]) => Event.parse(JSON.parse(json)));
      expect(textIn([...got, ...more])).toBe(numberedWords(60));
      await second.restart();
    });

    test("takeover: a worker is killed, and its answer goes on in the same socket", async () => {
      const { send, events, next } = open();
      send({ input: asks.numbered(80, 30) });
      await expect.poll(() => textIn(events()).length).toBeGreaterThan(20);
      for (const worker of workers.splice(0)) {
        workers.push(await world.system.add("agent-worker"));
        await worker.kill("SIGKILL");
      }
      expect(textIn(await next())).toBe(numberedWords(80));
    });

    test("error: is told in the socket, which goes on", async () => {
      const { send, next, running } = open();
      send({ input: asks.error });
      expect((await next()).at(-1)).toMatchObject({ type: "response.failed", response: { status: "failed" } });
      send({ input: "Hi", model: "nobody" });
      expect(await next()).toMatchObject([{ status: 404, error: { code: "model_not_found", param: "model" } }]);
      send({ input: [{ type: "function_call_output", call_id: "call_x", output: "?" }], conversation: "somewhere" });
      expect(await next()).toMatchObject([{ status: 400, error: { param: "input[0].call_id" } }]);
      send({ input: asks.numbered(4) });
      expect(textIn(await next())).toBe(numberedWords(4));
      expect(running.lines.filter(({ type }) => type === "end")).toEqual([]);
    });

    test("error: a token that is not valid is told, and the socket closes", async () => {
      const input = { client, baseURL: `${world.url}/v1`, apiKey: "nobody's" };
      const running = runClient("responses-socket", { input });
      await running.until("end");
      const events = running.lines.filter(({ type }) => type === "event").map((line) => Event.parse(line["event"]));
      expect(events).toMatchObject([{ type: "error", status: 401, error: { code: "invalid_api_key" } }]);
    });

    test("usage: is told at the end", async () => {
      const { send, next } = open();
      send({ input: asks.numbered(20) });
      expect(lastOf(await next()).usage?.total_tokens).toBeGreaterThan(20);
    });
  });
});

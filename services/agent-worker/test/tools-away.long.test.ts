import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { connectRedis } from "@parley/bus";
import type { StoredEvent, TurnRequest } from "@parley/protocol";
import { createLogger, listen } from "@parley/runtime";
import { eventually, startService, tempDir, type Service, type TempDir } from "@parley/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { expectSoundChain } from "./chain-check.ts";
import { chunk, sendJson, sendStream, startProvider } from "./model/fake-provider.ts";
import { startWorkbench, type Workbench } from "./workbench.ts";

let bench: Workbench;
let agents: TempDir;
let started: AsyncDisposable[];

const agent = (name: string, tools: string[]): string =>
  JSON.stringify({ name, description: "For tests.", examples: [], system_prompt: "Answer.", tools });

beforeEach(async () => {
  started = [];
  bench = await startWorkbench();
  agents = await tempDir();
  const files = { general: ["*"], echo: ["demo_echo"], half: ["demo_echo", "never_there"], plain: [] };
  for (const [name, tools] of Object.entries(files)) {
    await writeFile(path.join(agents.path, `${name}.yaml`), agent(name, tools));
  }
});
afterEach(async () => {
  for (const one of started.toReversed()) await one[Symbol.asyncDispose]();
  await bench[Symbol.asyncDispose]();
  await agents[Symbol.asyncDispose]();
});

const addWorker = (env: Record<string, string> = {}): Promise<Service> =>
  bench.addWorker({ AGENTS_DIR: agents.path, ...env });

async function addToolWorker(): Promise<Service> {
  const env = { NATS_URL: bench.nats.url, REDIS_URL: bench.redis.url, DEMO_TOOLS: "1" };
  const worker = await startService("tool-worker", env);
  started.push(worker);
  return worker;
}

const askEcho = (name = "echo"): Promise<TurnRequest> =>
  bench.ask('call the tool demo_echo with {"text":"it is there"}', { agent: name });

const isWaiting = (event: StoredEvent): boolean => event.type === "progress" && event.message.startsWith("Waiting for");

async function eventsOf(turn: TurnRequest): Promise<StoredEvent[]> {
  return (await bench.events(turn)).map(({ event }) => event);
}

async function toolNotes(turn: TurnRequest): Promise<string[]> {
  const events = await eventsOf(turn);
  return events.flatMap((event) => (event.type === "progress" && event.step === "tools" ? [event.message] : []));
}

/** Passes requests on to the simulated model, and keeps what it was told. */
async function addListener(): Promise<{ url: string; systemPrompts: string[] }> {
  const systemPrompts: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      systemPrompts.push(JSON.parse(body).messages[0].content);
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`http://127.0.0.1:${bench.model.port}${request.url}`, {
        method: "POST",
        headers,
        body,
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(await answer.text());
    })();
  });
  const listener = await listen(server, { host: "127.0.0.1", port: 0, variable: "PORT" });
  started.push({ [Symbol.asyncDispose]: listener.close });
  return { url: `http://127.0.0.1:${listener.port}/v1`, systemPrompts };
}

it("waits for a tool worker that comes a moment later, and calls its tool", async () => {
  await addWorker({ TOOLS_WAIT_MS: "15000" });
  const turn = await askEcho();
  await bench.seen(turn, isWaiting);
  await addToolWorker();
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", tool_calls: [{ tool_name: "demo_echo", status: "completed" }] });
  expect(await toolNotes(turn)).toEqual(["Waiting for the tools demo_echo"]);
  expectSoundChain(await eventsOf(turn));

  const second = await askEcho();
  await bench.ended(second);
  expect(await toolNotes(second)).toEqual([]);
});

it("says which tools are away, to the viewers and to the model, when none comes in time", async () => {
  const { url, systemPrompts } = await addListener();
  await addWorker({ TOOLS_WAIT_MS: "1000", OPENAI_BASE_URL: url });
  const startedAt = performance.now();
  const turn = await askEcho();
  const end = await bench.ended(turn);
  expect(performance.now() - startedAt).toBeLessThan(6_000);
  expect(end.type).toBe("complete");
  expect(end.tool_calls).toEqual([]);
  expect(await toolNotes(turn)).toEqual(["Waiting for the tools demo_echo", "These tools are away: demo_echo"]);
  expect(systemPrompts).toHaveLength(1);
  expect(systemPrompts[0]).toMatch(/^These of your tools are away.*: demo_echo\. .*\n\nAnswer\.$/);

  await bench.ended(await bench.ask("hello", { agent: "plain" }));
  expect(systemPrompts.slice(1)).toEqual(["Answer."]);
});

it("says to the viewers that the model takes no tools, once in each turn", async () => {
  await addToolWorker();
  await using provider = await startProvider((res, { body }) => {
    if ("tools" in body) sendJson(res, 400, { error: { message: "this model does not support tools" } });
    else sendStream(res, chunk({ content: "I have none." }), chunk({}, "stop"));
  });
  await addWorker({ OPENAI_BASE_URL: provider.baseURL, TOOLS_WAIT_MS: "15000" });
  for (let turns = 0; turns < 2; turns++) {
    const turn = await askEcho();
    expect(await bench.ended(turn)).toMatchObject({ type: "complete", response: "I have none.", tool_calls: [] });
    const notes = (await toolNotes(turn)).filter((note) => !note.startsWith("Waiting for"));
    expect(notes).toEqual(["The model takes no tools; it answers without them"]);
  }
  const plain = await bench.ask("hello", { agent: "plain" });
  await bench.ended(plain);
  expect(await toolNotes(plain)).toEqual([]);
});

it("waits for any tool, for an agent that takes every one", async () => {
  await addWorker({ TOOLS_WAIT_MS: "15000" });
  const turn = await askEcho("general");
  await bench.seen(turn, isWaiting);
  await addToolWorker();
  expect(await bench.ended(turn)).toMatchObject({ type: "complete", tool_calls: [{ tool_name: "demo_echo" }] });
  expect(await toolNotes(turn)).toEqual(["Waiting for tools"]);
});

it("waits once only for any tool when there is none, and says so each time", async () => {
  const { url, systemPrompts } = await addListener();
  await addWorker({ TOOLS_WAIT_MS: "1000", OPENAI_BASE_URL: url });
  const first = await bench.ask("hello", { agent: "general" });
  expect((await bench.ended(first)).type).toBe("complete");
  expect(await toolNotes(first)).toEqual(["Waiting for tools", "All tools are away"]);
  const second = await bench.ask("hello", { agent: "general" });
  await bench.ended(second);
  expect(await toolNotes(second)).toEqual(["All tools are away"]);
  expect(systemPrompts).toHaveLength(2);
  for (const prompt of systemPrompts) expect(prompt).toMatch(/^All of your tools are away.*\n\nAnswer\.$/);
});

it("waits for the rest only at first when some of the tools are there", async () => {
  await addToolWorker();
  await addWorker({ TOOLS_WAIT_MS: "1000" });
  const first = await askEcho("half");
  expect(await bench.ended(first)).toMatchObject({ type: "complete", tool_calls: [{ status: "completed" }] });
  expect(await toolNotes(first)).toEqual(["Waiting for the tools never_there", "These tools are away: never_there"]);
  const second = await askEcho("half");
  await bench.ended(second);
  expect(await toolNotes(second)).toEqual(["These tools are away: never_there"]);
});

it("is cancelled while it waits", async () => {
  await addWorker({ TOOLS_WAIT_MS: "60000" });
  const turn = await askEcho();
  await bench.seen(turn, isWaiting);
  await bench.cancel(turn);
  expect((await bench.ended(turn)).type).toBe("cancelled");
});

it("is taken over while it waits, and its tool is called once", async () => {
  const first = await addWorker({ TOOLS_WAIT_MS: "20000" });
  const turn = await askEcho();
  await bench.seen(turn, isWaiting);
  await first.kill();
  await addWorker({ TOOLS_WAIT_MS: "20000" });
  await addToolWorker();
  expect((await bench.ended(turn)).tool_calls).toHaveLength(1);
  const events = await eventsOf(turn);
  expect(events.filter(({ type }) => type === "tool_call_end")).toHaveLength(1);
  expectSoundChain(events);
});

it("is ready without tool workers, and says for which agents they are missing", async () => {
  const worker = await addWorker();
  const readiness = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${worker.adminPort}/readyz`)).json();
  expect(await readiness()).toEqual({
    ready: true,
    problems: [],
    notes: [
      "No tool worker offers what the agent echo names: demo_echo.",
      "No tool worker offers anything to the agent general, which takes every tool.",
      "No tool worker offers what the agent half names: demo_echo, never_there.",
    ],
  });
  await addToolWorker();
  await eventually(async () => JSON.stringify(await readiness()).includes("half names: never_there."), {
    what: "the note on the echo agent to go",
  });
});

type Redis = ReturnType<typeof connectRedis>;

const fullRedis: Record<string, (redis: Redis) => Promise<unknown>> = {
  "is at its maxmemory": (redis) => redis.config("SET", "maxmemory", "1"),
  "cannot write its data to its disk": async (redis) => {
    const [, dir] = z.tuple([z.string(), z.string()]).parse(await redis.config("GET", "dir"));
    await rm(dir, { recursive: true });
    await redis.config("SET", "save", "3600 1");
    await redis.bgsave();
    const hasFailed = async (): Promise<boolean> =>
      (await redis.info("persistence")).includes("rdb_last_bgsave_status:err");
    await eventually(hasFailed, { what: "the failure of the backup" });
  },
};

it.each(Object.keys(fullRedis))(
  "P1: a Redis that %s fails the calls with a result that says so, and nothing else",
  async (fault) => {
    await addToolWorker();
    await addWorker({ TOOL_QUEUE_WAIT_MS: "1000" });
    expect(await bench.ended(await askEcho())).toMatchObject({ tool_calls: [{ status: "completed" }] });
    const log = createLogger({ service: "test", level: "silent", format: "json" });
    const redis = connectRedis({ url: bench.redis.url, role: "worker", log });
    try {
      await fullRedis[fault]?.(redis);
      const [withTool, plain] = [await askEcho(), await bench.ask("hello", { agent: "plain" })];
      expect((await bench.ended(plain)).type).toBe("complete");
      expect(await bench.ended(withTool)).toMatchObject({
        type: "complete",
        tool_calls: [{ status: "failed", result: "The tool queue has no room." }],
      });
      await redis.config("SET", "maxmemory", "0");
      await redis.config("SET", "stop-writes-on-bgsave-error", "no");
      expect(await bench.ended(await askEcho())).toMatchObject({ tool_calls: [{ status: "completed" }] });
    } finally {
      redis.disconnect();
    }
  },
);

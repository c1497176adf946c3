import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  eventually,
  freePort,
  startNats,
  startProcess,
  startRedis,
  tempDir,
  type Broker,
  type NatsServer,
} from "@parley/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NeedsAnswersError, type Tool } from "../../src/tools/tool.ts";
import { startAgent, type Agent } from "../support/agent.ts";
import { startRunner } from "../support/in-process.ts";
import { openTools, run } from "./support/mcp-server.ts";

const program = fileURLToPath(new URL("support/modern-server.mjs", import.meta.url));
const read_tools = ["add", "paint", "wait"];

const modern = (env: Record<string, string> = {}, more = {}) => ({
  command: process.execPath,
  args: [program],
  env,
  read_tools,
  ...more,
});

async function startModernHttp(env: Record<string, string> = {}) {
  const port = await freePort();
  const server = await startProcess({
    name: "modern server",
    command: process.execPath,
    args: [program],
    env: { PATH: process.env["PATH"] ?? "", PORT: String(port), ...env },
    cwd: path.dirname(program),
    isReady: async () => (await fetch(`http://127.0.0.1:${port}/mcp`)).status > 0,
  });
  return Object.assign(server, {
    fields: { url: `http://127.0.0.1:${port}/mcp`, private_addresses: true, read_tools },
  });
}

describe.each(["streams", "HTTP"])("a server of 2026-07-28 over %s", (wire) => {
  async function open(env: Record<string, string> = {}) {
    const server = wire === "HTTP" ? await startModernHttp(env) : undefined;
    const mcp = await openTools({ new: server?.fields ?? modern(env) });
    return {
      ...mcp,
      [Symbol.asyncDispose]: async () => {
        await mcp.close();
        await server?.[Symbol.asyncDispose]();
      },
    };
  }

  it("answers, and may ask people also where it only reads", async () => {
    await using mcp = await open();
    const add = await mcp.offered("new_add");
    expect(add.definition).toMatchObject({ effect: "read", approval: "required" });
    expect(await run(add, { a: 2, b: "3" })).toMatchObject({ text: "5" });
    expect(add.prepare({ a: 2 })).toEqual({ problem: expect.stringContaining("b ") });
  });

  it("shows progress, and is told when a call is cancelled", async () => {
    await using folder = await tempDir();
    const notes = path.join(folder.path, "notes");
    await using mcp = await open({ NOTES: notes });
    const stop = new AbortController();
    const said: string[] = [];
    const call = run(await mcp.offered("new_wait"), {}, { signal: stop.signal, progress: (text) => said.push(text) });
    await eventually(() => said.length === 1, { what: "the progress" });
    stop.abort(new Error("cancelled"));
    await expect(call).rejects.toThrow();
    expect(said).toEqual(["1 of 3: one"]);
    await eventually(async () => (await readFile(notes, "utf8")).includes("wait aborted"), {
      what: "the server's hearing of it",
    });
  });

  it("asks a person by a form, and goes on with what was filled in and its own state", async () => {
    await using mcp = await open();
    const paint = await mcp.offered("new_paint");
    const asked = await run(paint, { door: "No. 10" }).catch((error: unknown) => error);
    if (!(asked instanceof NeedsAnswersError)) throw new Error("It did not ask.");
    const { summary, form, state } = asked.question;
    expect(summary).toBe("The MCP server new asks: Which colour for No. 10?");
    expect(form).toEqual([
      { name: "colour", type: "string", description: "Of the door.", options: ["red", "blue"], required: true },
      { name: "count", type: "integer" },
    ]);
    const answers = { content: { colour: "blue" }, state };
    expect(await run(paint, { door: "No. 10" }, { answers })).toMatchObject({
      text: "No. 10 is blue, state of No. 10",
    });
  });
});

describe("a question of a server in the middle of a call", () => {
  let nats: NatsServer;
  let redis: Broker;
  let agent: Agent;
  beforeAll(async () => {
    [nats, redis] = await Promise.all([startNats(), startRedis()]);
    agent = await startAgent(nats, redis);
  });
  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await Promise.all([nats[Symbol.asyncDispose](), redis[Symbol.asyncDispose]()]);
  });

  const args = { door: "No. 10" };
  const resultOf = async (turn: string) => {
    const job = agent.job(`${turn}-0-0`, "new_paint", args);
    const fact = await agent.bus.facts.read("result", { conversation: "c1", turn, call: job.call_id });
    return fact?.kind === "result" ? `${fact.status}: ${fact.result}` : fact?.kind;
  };
  const paintOf = (mcp: { tools(): readonly Tool[] }): Tool[] =>
    mcp.tools().filter(({ definition }) => definition.name === "new_paint");

  it("lets go of the call, which any worker goes on with when it is filled in", async () => {
    await using mcp = await openTools({ new: modern() });
    await mcp.offered("new_paint");
    const first = await startRunner(agent, paintOf(mcp));
    const job = agent.job("t1-0-0", "new_paint", args);
    expect(await first.run(job)).toBe("done");
    expect(await resultOf("t1")).toBeUndefined();
    const asked = await agent.asked(job);
    expect(asked).toMatchObject({
      summary: "The MCP server new asks: Which colour for No. 10?",
      form: [{ name: "colour", required: true }, { name: "count" }],
    });
    expect(await first.run(job)).toBe("done");
    await agent.decide(job, { content: { colour: "red" } });
    const other = await startRunner(agent, paintOf(mcp));
    await other.run(job, { go: true });
    expect(await resultOf("t1")).toContain("completed: No. 10 is red, state of No. 10");
  });

  it("is not answered by a decision on another question", async () => {
    await using mcp = await openTools({ new: modern() });
    await mcp.offered("new_paint");
    const runner = await startRunner(agent, paintOf(mcp));
    const job = agent.job("t2-0-0", "new_paint", args);
    await runner.run(job);
    await agent.decide(job, { content: { colour: "red" }, hash: "0".repeat(64) });
    await runner.run(job, { go: true });
    expect(await resultOf("t2")).toBe("failed: Not run: what was filled in is not what is asked for.");
  });

  it("of a tool that may change something is not asked: its licence is used up", async () => {
    await using folder = await tempDir();
    const notes = path.join(folder.path, "notes");
    await using mcp = await openTools({ new: modern({ NOTES: notes }, { read_tools: [] }) });
    await mcp.offered("new_paint");
    const runner = await startRunner(agent, paintOf(mcp));
    const job = agent.job("t3-0-0", "new_paint", args);
    await runner.run(job);
    await agent.decide(job, {});
    await runner.run(job, { go: true });
    expect(await resultOf("t3")).toBe(
      "failed: Not done: the MCP server new wants to know more of a person first, and nobody can be asked: Which colour for No. 10?",
    );
    expect((await readFile(notes, "utf8")).match(/paint/g)).toHaveLength(1);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasClients, runClient, type ClientRun } from "./client-run.ts";
import { McpResult, textOf } from "./mcp-results.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

let world: ConformanceWorld;

beforeAll(async () => {
  if (hasClients) world = await startConformanceWorld();
}, 240_000);
afterAll(() => world?.[Symbol.asyncDispose]());

describe.skipIf(!hasClients)("MCP tasks 0.2.2 (2026-07-28)", () => {
  /** Each request goes to the other edge. */
  async function start(message: string, more: object = {}): Promise<ClientRun> {
    const urls = world.edges.map(({ port }) => `http://127.0.0.1:${port}/mcp`);
    const call = { name: "general", arguments: { message } };
    return runClient("mcp-tasks", { input: { urls, token: await world.token(), call, ...more } });
  }
  const resultOf = async (run: ClientRun) => McpResult.parse((await run.until("result")).result);
  /** A few seconds. */
  const long = asks.numbered(160, 40);

  it("text: a short answer is a result", async () => {
    const run = await start(asks.numbered(10));
    expect(textOf(await resultOf(run))).toBe(numberedWords(10));
    expect(await run.until("called")).toMatchObject({ kind: "immediate" });
  });

  it("text: a long answer is a task, that any edge knows", async () => {
    const run = await start(long);
    expect(textOf(await resultOf(run))).toBe(numberedWords(160));
    expect(await run.until("called")).toMatchObject({ kind: "task" });
    const states = run.lines.filter(({ type, method }) => type === "answer" && method === "tasks/get");
    expect(states.length).toBeGreaterThan(0);
    expect(states.at(-1)).toMatchObject({ result: { resultType: "complete", status: "completed" } });
  });

  it("progress: a task says what it does", async () => {
    const run = await start(long);
    await run.until("result");
    const said = run.lines.flatMap(({ type, result }) => (type === "answer" ? [JSON.stringify(result)] : []));
    expect(said.some((one) => /Writing the answer: \d+ characters so far/.test(one))).toBe(true);
  });

  it("approval: a task asks its client's user", async () => {
    const run = await start(asks.approval, { elicit: { action: "accept", content: { approve: true } } });
    const { structuredContent } = await resultOf(run);
    expect(structuredContent.tool_calls).toMatchObject([{ tool_name: "demo_change", status: "completed" }]);
    expect(run.lines.filter(({ type }) => type === "elicitation")).toHaveLength(1);
  });

  it("stop: a cancelled task stops its turn", async () => {
    const run = await start(asks.numbered(2_000, 20));
    await run.until("called");
    run.tell({ abort: true });
    expect(await run.until("failed")).toMatchObject({ name: "TaskCancelledError" });
  });

  it("resume: a task outlives the edge that began it", async () => {
    const run = await start(asks.numbered(200, 40));
    await run.until("called");
    const [edge] = world.edges;
    await edge.kill();
    expect(textOf(await resultOf(run))).toBe(numberedWords(200));
    await edge.restart();
  });

  it("takeover: a killed worker's task goes on, and its answer is whole", async () => {
    const run = await start(asks.numbered(200, 40));
    await run.until("called");
    await world.system.agentWorkers[0]?.restart();
    expect(textOf(await resultOf(run))).toBe(numberedWords(200));
  });

  it("error: a failed answer is a completed task with a tool error", async () => {
    const result = await resultOf(await start(asks.error));
    expect(result.isError).toBe(true);
    expect(textOf(result)).toMatch(/^The answer failed: /);
  });
});

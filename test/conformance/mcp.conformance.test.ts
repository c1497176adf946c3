import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasClients, runClient, type ClientRun } from "./client-run.ts";
import { lastAnswers, McpResult, textOf } from "./mcp-results.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

let world: ConformanceWorld;

beforeAll(async () => {
  if (hasClients) world = await startConformanceWorld();
}, 240_000);
afterAll(() => world?.[Symbol.asyncDispose]());

interface Asked {
  readonly message: string;
  readonly name?: string;
  readonly progress?: boolean;
  readonly more?: object;
}

const clients = [
  { column: "MCP client 2.4.0 (2026-07-28)", driver: "mcp-2", mode: { pin: "2026-07-28" } },
  { column: "MCP client 2.4.0 (2025-11-25)", driver: "mcp-2", mode: "legacy" },
  { column: "MCP SDK 1.32.2 (2025-11-25)", driver: "mcp-1", mode: undefined },
] as const;

describe.skipIf(!hasClients).each(clients.map((one) => [one.column, one] as const))(
  "%s",
  (_column, { driver, mode }) => {
    const isModern = typeof mode === "object";

    async function start(
      { message, name = "general", progress = true, more = {} }: Asked,
      url = world.url,
    ): Promise<ClientRun> {
      const calls = [{ name, arguments: { message }, progress }];
      return runClient(driver, { input: { url: `${url}/mcp`, token: await world.token(), mode, calls, ...more } });
    }
    async function resultOf(asked: Asked, url?: string) {
      const run = await start(asked, url);
      const { result } = await run.until("result");
      return { run, result: McpResult.parse(result) };
    }

    it("text: the answer is the result, whole", async () => {
      const { run, result } = await resultOf({ message: asks.numbered(40) });
      expect(textOf(result)).toBe(numberedWords(40));
      expect(result.structuredContent.status).toBe("complete");
      expect(result.isError).toBeUndefined();
      expect(await run.until("connected")).toMatchObject({ server: { name: "parley" } });
      expect(await run.ended).toBe(0);
    });

    it("text: a conversation goes on by its id, and nobody else's does", async () => {
      const first = await resultOf({ message: asks.numbered(3) });
      const { conversation_id } = first.result.structuredContent;
      const calls = [{ name: "general", arguments: { message: asks.numbered(4), conversation_id } }];
      const input = { url: `${world.url}/mcp`, mode, calls };
      const again = runClient(driver, { input: { ...input, token: await world.token() } });
      expect(McpResult.parse((await again.until("result")).result).structuredContent.conversation_id).toBe(
        conversation_id,
      );
      const other = runClient(driver, { input: { ...input, token: await world.token("berta") } });
      expect(McpResult.parse((await other.until("result")).result).structuredContent.conversation_id).not.toBe(
        conversation_id,
      );
    });

    it("progress: what happens is told while it happens", async () => {
      const { run } = await resultOf({ message: asks.tool, name: "kubernetes" });
      const told = run.lines.filter(({ type }) => type === "progress");
      expect(told.map(({ message }) => message)).toContain("Calls k8s_list_pods.");
      const steps = told.map(({ progress }) => progress);
      expect(steps).toEqual(steps.map((_, index) => index + 1));
    });

    it("tools: what the agent called is in the result", async () => {
      const { result } = await resultOf({ message: asks.tool, name: "kubernetes" });
      expect(result.structuredContent.tool_calls).toMatchObject([{ tool_name: "k8s_list_pods", status: "completed" }]);
    });

    it("parallel tools: all of them are", async () => {
      const { result } = await resultOf({ message: asks.parallelTools, name: "kubernetes" });
      expect(result.structuredContent.tool_calls).toMatchObject([{ status: "completed" }, { status: "completed" }]);
    });

    it("usage: the result has it", async () => {
      const { result } = await resultOf({ message: asks.numbered(5) });
      expect(result.structuredContent.usage?.output_tokens).toBeGreaterThan(0);
    });

    it("error: a failed answer is a tool error that says so in a sentence", async () => {
      const { result } = await resultOf({ message: asks.error });
      expect(result.isError).toBe(true);
      expect(textOf(result)).toMatch(/^The answer failed: \w.+\.$/s);
      expect(result.structuredContent.status).toBe("error");
    });

    it("stop: an aborted call stops the turn", async () => {
      // What says so may come to the other edge.
      const run = await start({ message: asks.numbered(2_000, 20) }, world.proxyUrl);
      await run.until("progress");
      run.tell({ abort: true });
      await run.until("failed");
      await expect.poll(lastStatus, { timeout: 15_000 }).toBe("cancelled");
    });

    it("takeover: a killed worker's answer goes on, and is whole", async () => {
      const run = await start({ message: asks.numbered(120, 40) });
      await run.until("progress");
      const [worker] = world.system.agentWorkers;
      await worker?.restart();
      const { result } = await run.until("result");
      expect(textOf(McpResult.parse(result))).toBe(numberedWords(120));
    });

    async function lastStatus(): Promise<string | undefined> {
      return (await lastAnswers(world, "anna")).at(-1)?.status;
    }

    it("resume: a call whose edge was killed is had by the same call again, and is one turn", async () => {
      const meta = { "io.parley/message-id": `resumed-${driver}-${String(isModern)}` };
      const asked = [{ name: "general", arguments: { message: asks.numbered(150, 50) }, progress: true, meta }];
      const token = await world.token("resuming");
      const [doomed, other] = world.edges;
      const cut = runClient(driver, {
        input: { url: `http://127.0.0.1:${doomed.port}/mcp`, token, mode, calls: asked },
      });
      await cut.until("progress");
      await doomed.kill();
      const again = runClient(driver, {
        input: { url: `http://127.0.0.1:${other.port}/mcp`, token, mode, calls: asked },
      });
      const { result } = await again.until("result");
      expect(textOf(McpResult.parse(result))).toBe(numberedWords(150));
      await doomed.restart();
      const questions = (await lastAnswers(world, "resuming")).map(({ turn_id }) => turn_id);
      expect(new Set(questions).size).toBe(1);
    });

    it.runIf(isModern)("approval: the client's user is asked, and what they agree to runs once", async () => {
      const elicit = { action: "accept", content: { approve: true } };
      const { run, result } = await resultOf({ message: asks.approval, more: { elicit } });
      expect(await run.until("elicitation")).toMatchObject({
        params: { message: expect.stringContaining("demo_change") },
      });
      expect(run.lines.filter(({ type }) => type === "elicitation")).toHaveLength(1);
      expect(result.structuredContent.tool_calls).toMatchObject([{ tool_name: "demo_change", status: "completed" }]);
    });

    it.runIf(isModern).each([
      ["declines", { action: "decline" }],
      ["accepts without agreeing", { action: "accept", content: { approve: false } }],
    ])("approval: nothing runs for a user who %s", async (_how, elicit) => {
      const { result } = await resultOf({ message: asks.approval, more: { elicit } });
      expect(result.structuredContent.tool_calls).toMatchObject([{ tool_name: "demo_change", status: "denied" }]);
    });

    it("approval: who cannot ask is told where to decide, and gets the answer by its turn", async () => {
      const { result } = await resultOf({ message: asks.approval });
      expect(result.isError).toBeUndefined();
      expect(result.structuredContent.status).toBe("waiting");
      expect(textOf(result)).toContain(`in Parley at ${world.url}/c/${result.structuredContent.conversation_id}`);
      const { conversation_id, turn_id } = result.structuredContent;
      const call_id = result.structuredContent.waiting_for?.[0]?.call_id ?? "";
      const token = await world.token();
      const calls = [{ name: "parley_answer", arguments: { conversation_id, turn_id }, progress: true }];
      const decided = await fetch(`${world.url}/api/v1/conversations/${conversation_id}/approvals/${call_id}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ approved: true }),
      });
      expect(decided.status).toBe(200);
      const later = runClient(driver, { input: { url: `${world.url}/mcp`, token, mode, calls } });
      const whole = McpResult.parse((await later.until("result")).result);
      expect(whole.structuredContent.tool_calls).toMatchObject([{ tool_name: "demo_change", status: "completed" }]);
    });
  },
);

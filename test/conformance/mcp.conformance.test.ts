import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { hasClients, runClient, type ClientRun } from "./client-run.ts";
import { asks, numberedWords, startConformanceWorld, type ConformanceWorld } from "./world.ts";

const Result = z.looseObject({
  content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
  structuredContent: z.looseObject({
    conversation_id: z.string(),
    turn_id: z.string(),
    status: z.string(),
    tool_calls: z.array(z.looseObject({ tool_name: z.string(), status: z.string().optional() })),
    usage: z.object({ input_tokens: z.number(), output_tokens: z.number() }).loose().optional(),
  }),
  isError: z.boolean().optional(),
});

let world: ConformanceWorld;

beforeAll(async () => {
  if (hasClients) world = await startConformanceWorld();
}, 90_000);
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

describe.skipIf(!hasClients).each(clients)("$column", ({ driver, mode }) => {
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
    return { run, result: Result.parse(result) };
  }
  const textOf = ({ content }: z.infer<typeof Result>): string => content[0]?.text ?? "";

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
    expect(Result.parse((await again.until("result")).result).structuredContent.conversation_id).toBe(conversation_id);
    const other = runClient(driver, { input: { ...input, token: await world.token("berta") } });
    expect(Result.parse((await other.until("result")).result).structuredContent.conversation_id).not.toBe(
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
    const run = await start({ message: asks.numbered(2_000, 20) });
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
    expect(textOf(Result.parse(result))).toBe(numberedWords(120));
  });

  async function lastStatus(): Promise<string | undefined> {
    const headers = { authorization: `Bearer ${await world.token()}` };
    const Page = z.object({ conversations: z.array(z.object({ conversation_id: z.string() })) });
    const page = Page.parse(await (await fetch(`${world.url}/api/v1/conversations?limit=1`, { headers })).json());
    const id = page.conversations[0]?.conversation_id ?? "";
    const Messages = z.object({ messages: z.array(z.object({ status: z.string() })) });
    const response = await fetch(`${world.url}/api/v1/conversations/${id}/messages`, { headers });
    return Messages.parse(await response.json()).messages.at(-1)?.status;
  }
  void isModern;
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { hasClients, runClient } from "./client-run.ts";
import { startConformanceWorld, type ConformanceWorld } from "./world.ts";

let world: ConformanceWorld;

beforeAll(async () => {
  if (hasClients) world = await startConformanceWorld();
}, 240_000);
afterAll(() => world?.[Symbol.asyncDispose]());

const Result = z.looseObject({
  content: z.array(z.object({ type: z.literal("text"), text: z.string() })),
  isError: z.boolean().optional(),
});
const Tools = z.array(z.looseObject({ name: z.string(), annotations: z.looseObject({}).optional() }));
const Read = z.looseObject({ contents: z.array(z.looseObject({ uri: z.string(), text: z.string() })) });

const clients = [
  { column: "MCP client 2.4.0 (2026-07-28)", driver: "mcp-2", mode: { pin: "2026-07-28" } },
  { column: "MCP client 2.4.0 (2025-11-25)", driver: "mcp-2", mode: "legacy" },
  { column: "MCP SDK 1.32.2 (2025-11-25)", driver: "mcp-1", mode: undefined },
] as const;

/** What a client may have without an agent: tools that read, and what the agents know. */
describe.skipIf(!hasClients).each(clients.map((one) => [one.column, one] as const))(
  "%s",
  (_column, { driver, mode }) => {
    const start = async (more: object) =>
      runClient(driver, { input: { url: `${world.url}/mcp`, token: await world.token(), mode, ...more } });

    it("tools: one that reads the cluster is called without an agent", async () => {
      const calls = [{ name: "k8s_list_pods", arguments: { namespace: "default" }, progress: true }];
      const run = await start({ calls });
      const tools = Tools.parse((await run.until("tools")).tools);
      const listed = tools.find(({ name }) => name === "k8s_list_pods");
      expect(listed?.annotations).toMatchObject({ readOnlyHint: true });
      const result = Result.parse((await run.until("result")).result);
      expect(result.isError).toBeUndefined();
      expect(result.content[0]?.text).toContain("simulated");
    });

    it("error: arguments that a tool does not take are a tool error in a sentence", async () => {
      const run = await start({ calls: [{ name: "k8s_list_pods", arguments: { namespace: 7 } }] });
      const result = Result.parse((await run.until("result")).result);
      expect(result).toMatchObject({
        isError: true,
        content: [{ text: expect.stringMatching(/^The arguments of .+\.$/) }],
      });
    });

    it("parallel tools: several calls run side by side", async () => {
      const calls = Array.from({ length: 8 }, () => ({ name: "k8s_list_pods", arguments: {} }));
      const run = await start({ calls });
      expect(await run.ended).toBe(0);
      const results = run.lines.filter(({ type }) => type === "result").map(({ result }) => Result.parse(result));
      expect(results.map(({ isError }) => isError)).toEqual(calls.map(() => undefined));
    });

    it("text: what the agents know is listed and read", async () => {
      const run = await start({ resources: true });
      const { read } = await run.until("read");
      const [content] = Read.parse(read).contents;
      expect(content?.uri).toMatch(/^parley:\/\/knowledge\/kubernetes-runbook\/.+\.md$/);
      expect(content?.text).toMatch(/^# /);
      expect(await run.ended).toBe(0);
    });
  },
);

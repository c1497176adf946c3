import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually, startSystem, tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { z } from "zod";
import { devToken, person } from "./person.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const adminToken = "an-admin-token-for-tests-of-32-bytes";

const limits = "quotas: { tokens_per_user: { per_day: 3000 }, money_per_user: { per_month: 100 } }\n";
const models = `models: [{ name: parley-simulated, prices: { in: 1, out: 4, as_of: "2026-11-01" } }]\n`;

const Usage = z.object({
  kept: z.literal(true),
  currency: z.literal("USD"),
  periods: z.array(
    z.object({
      of: z.literal("user"),
      period: z.string(),
      resets_at: z.number(),
      tokens: z.number(),
      tokens_limit: z.number().optional(),
      cost_micros: z.number(),
      cost_limit_micros: z.number().optional(),
    }),
  ),
});

it("a person sees what they have used and what is left, is refused when nothing is, and somebody gets the bill", async () => {
  await using folder = await tempDir();
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(path.join(folder.path, name), text);
    return path.join(folder.path, name);
  };
  const LIMITS_FILE = await file("limits.yaml", limits);
  const MODELS_FILE = await file("models.yaml", models);
  await using system = await startSystem({
    toolWorkers: 0,
    env: { edge: { ADMIN_TOKEN: adminToken, LIMITS_FILE }, "agent-worker": { LIMITS_FILE, MODELS_FILE } },
  });
  const [edge] = system.edges;
  if (edge === undefined) throw new Error("an edge");
  const authorization = `Bearer ${await devToken(edge, "anna")}`;
  const headers = { authorization, "content-type": "application/json" };
  const address = `http://127.0.0.1:${edge.port}/api/v1`;
  const used = async () => Usage.parse(await (await fetch(`${address}/usage`, { headers })).json());
  expect((await used()).periods).toMatchObject([
    { period: "day", tokens: 0, tokens_limit: 3_000, cost_micros: 0 },
    { period: "month", tokens: 0, cost_micros: 0, cost_limit_micros: 100_000_000 },
  ]);

  using phone = await person(edge);
  const chat = phone.conversation();
  const first = await chat.send("Hello\n/sim tokens=200 rate=1000");
  await chat.untilEnd(first.turn_id);
  const day = await eventually(
    async () => (await used()).periods.find(({ period, tokens }) => period === "day" && tokens > 200),
    { what: "what the first turn has used" },
  );
  expect(day.cost_micros).toBe(day.tokens - 200 + 800);

  const second = await chat.send("More\n/sim tokens=9000 rate=500");
  await chat.untilEnd(second.turn_id);
  const isUsedUp = async () => (await used()).periods.some(({ tokens }) => tokens >= 2_800);
  await eventually(isUsedUp, { what: "the end of it" });
  const say = () =>
    fetch(`${address}/chat`, { method: "POST", headers, body: JSON.stringify({ message: "And now?" }) });
  const refused = await eventually(
    async () => {
      const response = await say();
      return response.headers.has("retry-after") ? response : undefined;
    },
    { what: "a refusal", timeoutMs: 15_000 },
  );
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({
    code: "QUOTA_EXCEEDED",
    error: expect.stringMatching(/^Your tokens for today are used up/),
    retry_after_ms: expect.any(Number),
  });

  const cli = path.join(root, "scripts/usage/main.ts");
  const run = async (...args: string[]): Promise<string[]> => {
    const all = [
      "--conditions=source",
      "--import",
      "tsx",
      cli,
      "--admin",
      `http://127.0.0.1:${edge.adminPort}`,
      ...args,
    ];
    const { stdout } = await promisify(execFile)(process.execPath, all, {
      env: { ...process.env, ADMIN_TOKEN: adminToken },
    });
    return stdout.trim().split(/\r?\n/);
  };
  const [head = "", one = "", two = ""] = await run("--from", "1h", "--user", "anna");
  expect(head).toMatch(/^at,ended_at,tenant,user,/);
  expect(one).toContain(`,anna,${chat.id},${first.turn_id},turn,`);
  expect(two).toMatch(new RegExp(`,${second.turn_id},turn,.*,true,error,QUOTA_EXCEEDED$`));
  expect(await run("--to", "2026-01-01", "--json")).toEqual([""]);
  const admin = (query: string, token = adminToken) =>
    fetch(`http://127.0.0.1:${edge.adminPort}/admin/usage?${query}`, { headers: { authorization: `Bearer ${token}` } });
  expect(Usage.parse(await (await admin("user=anna")).json()).periods[0]?.tokens_limit).toBe(3_000);
  expect((await admin("user=anna&tenant=acme")).status).toBe(400);
  expect((await admin("user=anna", await devToken(edge, "anna"))).status).toBe(403);
});

import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { connectRedis, createQuotaCounters, createUsageSums, type QuotaCounters } from "@parley/bus";
import type { CallerRights, Outcome, TurnRequest } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, tempDir, type Service, type TempDir } from "@parley/testkit";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { startWorkbench, type Workbench } from "../workbench.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });

// Each test starts workers.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let bench: Workbench;
let folder: TempDir;
let redis: ReturnType<typeof connectRedis>;
let counters: QuotaCounters;

const models = `
models:
  - name: parley-simulated
    prices: { in: 1, out: 1, as_of: "2026-11-01" }
`;

beforeEach(async () => {
  [bench, folder] = await Promise.all([startWorkbench(), tempDir()]);
  await writeFile(path.join(folder.path, "models.yaml"), models);
  redis = connectRedis({ url: bench.redis.url, role: "cache", log });
  await eventually(() => redis.status === "ready", { what: "Redis" });
  counters = createQuotaCounters({ redis, sums: createUsageSums(bench.bus.usage, () => "USD") });
});
afterEach(async () => {
  redis.disconnect();
  await bench[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function addWorkers(count: number, quotas: string): Promise<Service[]> {
  const file = path.join(folder.path, `limits-${randomUUID()}.yaml`);
  await writeFile(file, `quotas:\n${quotas}`);
  const env = { MODELS_FILE: path.join(folder.path, "models.yaml"), LIMITS_FILE: file, TOKEN_FLUSH_MS: "20" };
  return Promise.all(Array.from({ length: count }, () => bench.addWorker(env)));
}

function usedBy({ usage }: Pick<Outcome, "usage">): number {
  return usage.input_tokens + usage.output_tokens;
}

/** What all edges and workers see. */
async function counted(user: string): Promise<number> {
  const periods = await counters.used({ user, atMs: Date.now(), limits: [] });
  return periods.find(({ period, of }) => period === "day" && of === "user")?.used.tokens ?? Number.NaN;
}

const ended = (turns: readonly TurnRequest[]) => Promise.all(turns.map((turn) => bench.ended(turn)));

it("tokens_per_user: an answer ends within 200 tokens of the limit, with what was said kept", async () => {
  await addWorkers(1, "  tokens_per_user: { per_day: 3000 }\n");
  // The first shows how the model counts.
  const first = await bench.ended(await bench.ask("Say much", { sim: "tokens=300 rate=1500", agent: "general" }));
  expect(first.type).toBe("complete");
  const turn = await bench.ask("Say too much", { sim: "tokens=9000 rate=400", agent: "general" });
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "error", code: "QUOTA_EXCEEDED", retryable: false });
  if (end.type !== "error") return;
  expect(end.error).toMatch(/^Your tokens for today are used up\. There is more from \d{4}-\d\d-\d\d 00:00 UTC on\.$/);
  expect(end.retry_after_ms).toBeGreaterThan(0);
  const words = end.response.trim().split(/\s+/).length;
  const used = usedBy(first) + end.usage.input_tokens + words;
  expect(Math.abs(used - 3_000)).toBeLessThan(200);
  const { answer } = (await bench.bus.transcripts.tail(turn.conversation_id, { limit: 1 })).turns[0]!;
  expect(answer).toMatchObject({ status: "error", code: "QUOTA_EXCEEDED", message: end.response });
  // The next one is not even begun.
  expect(await bench.ended(await bench.ask("And now?"))).toMatchObject({
    ...{ type: "error", code: "QUOTA_EXCEEDED", response: "" },
    usage: { input_tokens: 0, output_tokens: 0 },
  });
});

it("tokens_per_user: what is left and not enough for the question is told so, and stays", async () => {
  await addWorkers(1, "  tokens_per_user: { per_day: 50 }\n");
  const end = await bench.ended(await bench.ask("Hello", { agent: "general", user: "dora" }));
  expect(end).toMatchObject({ type: "error", code: "QUOTA_EXCEEDED", retryable: false, response: "" });
  expect(end.type === "error" ? end.error : "").toMatch(
    /^Your tokens for today are not enough for this question: 50 are left, and it takes about \d{2,4}\. There is more from /,
  );
  expect(await counted("dora")).toBe(0);
});

it("tokens_per_user: 40 turns at the same time, of two workers, have no more together than there is", async () => {
  await addWorkers(2, "  tokens_per_user: { per_day: 30000 }\n");
  await bench.ended(await bench.ask("Show how you count", { sim: "tokens=300 rate=1500", agent: "general" }));
  const turns = await Promise.all(
    Array.from({ length: 40 }, () => bench.ask("Say much", { sim: "tokens=3000 rate=200", agent: "general" })),
  );
  const ends = await ended(turns);
  const exceeded = ends.filter((end) => end.type === "error" && end.code === "QUOTA_EXCEEDED");
  expect(exceeded.length).toBeGreaterThan(0);
  const running = exceeded.filter(({ response }) => response !== "").length;
  const said = ends.reduce(
    (sum, { usage, response }) => sum + usage.input_tokens + response.trim().split(/\s+/).length,
    0,
  );
  expect(said).toBeLessThan(30_000 + 200 * Math.max(1, running));
  expect(said).toBeGreaterThan(25_000);
  await eventually(async () => (await counted("tester")) <= 30_000 + 200 * running, { what: "the count" });
});

it("money_per_tenant, tokens_per_tenant and money_per_user: what is limited is everybody's of the tenant together", async () => {
  await addWorkers(
    1,
    "  money_per_tenant: { per_month: 0.002 }\n  tokens_per_tenant: { per_month: 900000 }\n  money_per_user: { per_day: 5 }\n",
  );
  const caller: CallerRights = { roles: [], tenant: "acme" };
  const first = await bench.ask("Say much", { sim: "tokens=1200 rate=1500", agent: "general", caller, user: "ann" });
  const [one] = await ended([first]);
  expect(one?.type).toBe("complete");
  const second = await bench.ask("Say much", { sim: "tokens=3000 rate=400", agent: "general", caller, user: "ben" });
  const [two] = await ended([second]);
  expect(two).toMatchObject({ type: "error", code: "QUOTA_EXCEEDED" });
  expect(two?.type === "error" ? two.error : "").toMatch(
    /^The budget of your organisation for this month is used up\./,
  );
  expect((one?.usage.cost?.micros ?? 0) + (two?.usage.cost?.micros ?? 0)).toBeLessThan(2_200);
  // Somebody of another tenant has their own.
  const other = await bench.ask("Say much", {
    sim: "tokens=200 rate=1500",
    caller: { roles: [], tenant: "other" },
    user: "cat",
  });
  expect((await bench.ended(other)).type).toBe("complete");
});

it("a role may give more, or take the limit away", async () => {
  await addWorkers(1, "  tokens_per_user: { per_day: 100 }\n  roles: { staff: { tokens_per_user: unlimited } }\n");
  expect(await bench.ended(await bench.ask("Hello", { sim: "tokens=10" }))).toMatchObject({ code: "QUOTA_EXCEEDED" });
  const staff = await bench.ask("Hello", { sim: "tokens=10", caller: { roles: ["staff"] } });
  expect((await bench.ended(staff)).type).toBe("complete");
});

it("what was used is not forgotten when Redis is emptied in mid-answer, nor when it is killed and comes back empty", async () => {
  await addWorkers(2, "  tokens_per_user: { per_day: 6000 }\n");
  const first = await bench.ended(await bench.ask("Say much", { sim: "tokens=1500 rate=1500", agent: "general" }));
  const turn = await bench.ask("Say too much", { sim: "tokens=9000 rate=300", agent: "general" });
  await bench.seen(turn, ({ type }) => type === "token");
  await redis.flushall();
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "error", code: "QUOTA_EXCEEDED" });
  const said = usedBy(first) + end.usage.input_tokens + end.response.trim().split(/\s+/).length;
  expect(Math.abs(said - 6_000)).toBeLessThan(200);
  await redis.flushall();
  expect(await bench.ended(await bench.ask("And now?"))).toMatchObject({ code: "QUOTA_EXCEEDED", response: "" });
});

it("while Redis is away answers go on, within a tenth of the limit", async () => {
  const [worker] = await addWorkers(1, "  tokens_per_user: { per_day: 20000 }\n");
  await bench.ended(await bench.ask("Show how you count", { sim: "tokens=300 rate=1500", agent: "general" }));
  const turn = await bench.ask("Say much", { sim: "tokens=9000 rate=400", agent: "general" });
  await bench.seen(turn, ({ type }) => type === "token");
  await bench.redis.kill();
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "error", code: "QUOTA_EXCEEDED" });
  const words = end.response.trim().split(/\s+/).length;
  expect(words).toBeGreaterThan(1_000);
  expect(words).toBeLessThan(4_000);
  await bench.redis.restart();
  const isShared = async (): Promise<boolean> => {
    const text = await (await fetch(`http://127.0.0.1:${worker?.adminPort}/metrics`)).text();
    return /^parley_quotas_shared\{?.*\}? 1$/m.test(text);
  };
  await eventually(isShared, { what: "Redis" });
  // What was said meanwhile counts, and there is more again.
  const next = await bench.ask("And now?", { sim: "tokens=100 rate=1500", agent: "general" });
  expect((await bench.ended(next)).type).toBe("complete");
  await eventually(async () => (await counted("tester")) > words, { what: "what was said meanwhile" });
});

it("what a lost worker held stands for what it has used until the turn has ended, and counts once", async () => {
  const quotas = "  tokens_per_user: { per_day: 100000 }\n";
  const [worker] = await addWorkers(1, quotas);
  const turn = await bench.ask("Say much", { sim: "tokens=1200 rate=300", agent: "general" });
  await bench.seen(turn, ({ type }) => type === "token");
  await worker?.kill();
  expect(await counted("tester")).toBeGreaterThan(100);
  await addWorkers(1, quotas);
  const end = await bench.ended(turn);
  expect(end).toMatchObject({ type: "complete", usage: { estimated: true } });
  await eventually(async () => (await counted("tester")) === usedBy(end), { what: "the settled count" });
});

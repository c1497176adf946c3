import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { TurnRequest, UsageRecord } from "@parley/protocol";
import { eventually, tempDir, type Service, type TempDir } from "@parley/testkit";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startWorkbench, type Workbench } from "../workbench.ts";

// Each test starts workers.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let bench: Workbench;
let folder: TempDir;
let files: Record<string, string>;

const models = `
models:
  - name: parley-simulated
    prices: { in: 2, out: 10, as_of: "2026-11-01" }
`;

beforeAll(async () => {
  [bench, folder] = await Promise.all([startWorkbench(), tempDir()]);
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(path.join(folder.path, name), text);
    return path.join(folder.path, name);
  };
  files = {
    MODELS_FILE: await file("models.yaml", models),
    LIMITS_FILE: await file("limits.yaml", "quotas: { record: true }\n"),
    TOKEN_FLUSH_MS: "20",
  };
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function recordsOf({ turn_id }: TurnRequest): Promise<UsageRecord[]> {
  const page = await bench.bus.usage.page({ limit: 1_000, matches: (record) => record.turn_id === turn_id });
  return [...page.records];
}

const recorded = (turn: TurnRequest, count = 1): Promise<UsageRecord[]> =>
  eventually(
    async () => {
      const records = await recordsOf(turn);
      return records.length >= count ? records : undefined;
    },
    { what: "the records of what it used" },
  );

it("a turn says what it cost, and that is kept", async () => {
  await using worker: Service = await bench.addWorker({ ...files, TITLES: "first-answer" });
  expect(worker.port).toBeGreaterThan(0);
  const caller = { roles: [], tenant: "acme" };
  const turn = await bench.ask("How long is it?", { sim: "tokens=50", agent: "general", caller });
  const { usage, ...end } = await bench.ended(turn);
  const micros = Math.ceil(usage.input_tokens * 2 + 500);
  expect(usage).toEqual({
    input_tokens: expect.any(Number),
    output_tokens: 50,
    cost: { micros, currency: "USD", as_of: "2026-11-01" },
  });
  expect(end.type).toBe("complete");
  // The title was asked for beside it, and is paid for too.
  const records = (await recorded(turn, 2)).toSorted((a, b) => a.id.length - b.id.length);
  expect(records.map(({ id, purpose, status }) => ({ id, purpose, status }))).toEqual([
    { id: turn.turn_id, purpose: "turn", status: "complete" },
    { id: `${turn.turn_id}.title`, purpose: "title", status: "complete" },
  ]);
  expect(records[0]).toMatchObject({
    user: "tester",
    tenant: "acme",
    agent: "general",
    model: "parley-simulated",
    usage,
  });
  expect(records[1]?.usage.cost?.micros).toBeGreaterThan(0);
  const { answer } = (await bench.bus.transcripts.tail(turn.conversation_id, { limit: 1 })).turns[0]!;
  expect(answer?.usage).toEqual(usage);
});

it("counts what a cancelled answer, and a repeated request, have used by estimate, and says so", async () => {
  await using worker = await bench.addWorker(files);
  expect(worker.port).toBeGreaterThan(0);
  const turn = await bench.ask("Tell me much", { sim: "tokens=2000 rate=200" });
  await bench.seen(turn, ({ type }) => type === "token");
  await bench.cancel(turn);
  const { usage, type, ...end } = await bench.ended(turn);
  expect(type).toBe("cancelled");
  expect(usage.estimated).toBe(true);
  expect(usage.output_tokens).toBeGreaterThanOrEqual(Math.ceil(("response" in end ? end.response.length : 0) / 5));
  expect(usage.input_tokens).toBeGreaterThan(100);
  expect((await recorded(turn))[0]).toMatchObject({ status: "cancelled", usage });

  const cut = await bench.ask("Break off", { sim: "tokens=100 cut=40" });
  const failed = await bench.ended(cut);
  expect(failed).toMatchObject({ type: "error", code: "MODEL_TRUNCATED" });
  // Both requests were paid for.
  expect(failed.usage.input_tokens).toBeGreaterThan(usage.input_tokens * 1.5);
  expect((await recorded(cut))[0]).toMatchObject({ status: "error", code: "MODEL_TRUNCATED", usage: failed.usage });
});

it("counts the calls of a worker that was lost, once, whoever ends the turn", async () => {
  const first = await bench.addWorker(files);
  const turn = await bench.ask("Tell me much", { sim: "tokens=300 rate=100" });
  await bench.seen(turn, ({ type }) => type === "token");
  await first.kill();
  await first[Symbol.asyncDispose]();
  await using second = await bench.addWorker(files);
  expect(second.port).toBeGreaterThan(0);
  const { usage } = await bench.ended(turn);
  expect(usage.estimated).toBe(true);
  expect(usage.output_tokens).toBeGreaterThan(300);
  const records = await recorded(turn);
  expect(records).toHaveLength(1);
  expect(records[0]?.usage).toEqual(usage);
});

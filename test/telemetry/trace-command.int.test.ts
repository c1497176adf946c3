import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";

const script = path.resolve(import.meta.dirname, "../../scripts/trace.mjs");
const dir = mkdtempSync(path.join(tmpdir(), "parley-trace-command-"));
afterAll(() => rmSync(dir, { recursive: true }));

function run(file: string, ...args: string[]) {
  const env = { ...process.env, TRACES_FILE: path.join(dir, file) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { env, encoding: "utf8" });
  return { status, stdout, stderr };
}

const about = { "parley.turn.id": "turn_one", "gen_ai.conversation.id": "c_1" };
const root = { trace_id: "a".repeat(32), span_id: "01", name: "send chat", kind: "producer", service: "parley-edge" };
const child = { ...root, span_id: "02", parent_id: "01", name: "process chat", service: "parley-agent-worker" };
const spans = [
  { ...child, start_ms: 1_010, duration_ms: 2_000, attributes: { ...about, "parley.turn.outcome": "complete" } },
  { ...root, start_ms: 1_000, duration_ms: 12, attributes: about },
  { ...child, span_id: "03", parent_id: "02", name: "chat m", start_ms: 1_020, duration_ms: 900, attributes: {} },
];
writeFileSync(path.join(dir, "traces.jsonl"), `${spans.map((span) => JSON.stringify(span)).join("\n")}\n{"half a li`);

it("lists the turns that are kept", () => {
  const { status, stdout } = run("traces.jsonl");
  expect(status).toBe(0);
  expect(stdout).toMatch(/00:00:01\.000 +turn_one +complete +2\.01 s +1 +0 /);
});

it.each(["last", "turn_one", "turn_o", "a".repeat(32), "aaaaaaaa"])(
  "shows the trace that %s means as a tree",
  (wanted) => {
    const { status, stdout } = run("traces.jsonl", wanted);
    expect(status).toBe(0);
    const tree = stdout.split("\n").filter((line) => line.includes(" ms  ") || line.includes(" s  "));
    expect(tree.map((line) => line.trim())).toEqual([
      "+0.0 ms      12 ms  edge          send chat",
      "+10 ms     2.00 s  agent-worker    process chat",
      "+20 ms     900 ms  agent-worker      chat m",
    ]);
  },
);

it.each([
  [["traces.jsonl", "turn_two"], 'No turn or trace "turn_two" is kept: `npm run trace` lists the last ones.'],
  [["traces.jsonl", "turn"], 'No turn or trace "turn" is kept: `npm run trace` lists the last ones.'],
  [["nothing.jsonl"], "There are no traces in"],
] as const)("says in one sentence what is wrong: %j", ([file, ...args], sentence) => {
  const { status, stdout, stderr } = run(file, ...args);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(sentence);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

import { execFileSync } from "node:child_process";
import path from "node:path";
import { eventually, startSystem, tempDir, type System, type TempDir, shownTurn } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { devToken, person } from "../e2e/person.ts";
import { only, readSpans, type Span } from "./spans.ts";

/** What `npm run trace` prints. */
function showTrace(file: string, id: string): string {
  const script = path.resolve(import.meta.dirname, "../../scripts/trace.mjs");
  return execFileSync(process.execPath, [script, id], { env: { ...process.env, TRACES_FILE: file }, encoding: "utf8" });
}

const secretText = "list all pods, and keep the word marmalade to yourself";

function traced(file: string) {
  return { edge: { TRACES_FILE: file }, "agent-worker": { TRACES_FILE: file }, "tool-worker": { TRACES_FILE: file } };
}

function chainOf(spans: readonly Span[], span: Span): string[] {
  const parent = spans.find(({ span_id }) => span_id === span.parent_id);
  return [
    `${span.service.replace("parley-", "")}: ${span.name}`,
    ...(parent === undefined ? [] : chainOf(spans, parent)),
  ];
}

async function spansOfTurn(file: string, turn: string, isWhole: (spans: readonly Span[]) => boolean): Promise<Span[]> {
  let spans: Span[] = [];
  await eventually(
    async () => {
      const all = await readSpans(file);
      const traces = new Set(
        all.filter((span) => span.attributes["parley.turn.id"] === turn).map((span) => span.trace_id),
      );
      spans = all.filter(({ trace_id }) => traces.has(trace_id));
      return isWhole(spans);
    },
    { timeoutMs: 10_000, what: "the spans of the turn" },
  );
  return spans;
}

const hasProcessed = (spans: readonly Span[]): boolean =>
  spans.some(({ name, attributes }) => name.startsWith("process chat") && attributes["parley.turn.result"] === "ended");

/** For the tests that kill nothing. */
let folder: TempDir;
let file: string;
let system: System;

beforeAll(async () => {
  folder = await tempDir();
  file = path.join(folder.path, "traces.jsonl");
  system = await startSystem({ env: traced(file) });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

it("follows a turn from the socket through the model and a tool to its end, in one trace", async () => {
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send(secretText);
  const end = await chat.untilEnd(turn_id);
  expect(end.type).toBe("complete");
  const spans = await spansOfTurn(file, turn_id, hasProcessed);

  expect(new Set(spans.map(({ trace_id }) => trace_id)).size).toBe(1);
  expect(chainOf(spans, only(spans, "execute_tool "))).toEqual([
    "tool-worker: execute_tool k8s_list_pods",
    "tool-worker: process tools",
    "agent-worker: send tools",
    "agent-worker: process chat.turns.{conversation}",
    "edge: send chat.turns.{conversation}",
  ]);
  const models = spans.filter(({ name }) => name.startsWith("chat "));
  expect(models).toHaveLength(2);
  for (const model of models) {
    expect(chainOf(spans, model).slice(1)).toEqual([
      "agent-worker: process chat.turns.{conversation}",
      "edge: send chat.turns.{conversation}",
    ]);
    expect(model).toMatchObject({
      name: "chat parley-simulated",
      kind: "client",
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "simulated",
        "gen_ai.request.model": "parley-simulated",
        "gen_ai.response.model": "parley-simulated",
        "gen_ai.usage.input_tokens": expect.any(Number),
        "gen_ai.usage.output_tokens": expect.any(Number),
        "gen_ai.response.time_to_first_chunk": expect.any(Number),
      },
    });
  }
  expect(models.map(({ attributes }) => attributes["gen_ai.response.finish_reasons"])).toEqual([
    ["tool_calls"],
    ["stop"],
  ]);
  expect(only(spans, "send chat").kind).toBe("producer");
  expect(only(spans, "process chat").kind).toBe("consumer");
  expect(only(spans, "end turn").attributes).toMatchObject({ "parley.turn.outcome": "complete" });
  expect(only(spans, "route").attributes).toMatchObject({ "gen_ai.agent.name": expect.any(String) });
  // One for each piece of work, none for each token.
  expect(spans.length).toBeLessThan(15);
  expect(JSON.stringify(spans)).not.toContain("marmalade");
  expect(JSON.stringify(spans)).not.toContain(end.tool_calls[0]?.result.slice(0, 20));
});

it("goes on with the trace of an HTTP caller, and not with one that is not sampled", async () => {
  const before = new Set((await readSpans(file)).map(({ trace_id }) => trace_id));
  const newSpans = async () => (await readSpans(file)).filter(({ trace_id }) => !before.has(trace_id));
  const edge = system.edges[0]!;
  const authorization = `Bearer ${await devToken(edge, "anna")}`;
  const ask = async (traceparent: string) => {
    const answer = await fetch(`http://127.0.0.1:${edge.port}/api/v1/chat`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization, traceparent },
      body: JSON.stringify({ message: "hello" }),
    });
    expect(answer.status).toBe(200);
  };
  const [sampled, unsampled] = ["a".repeat(32), "b".repeat(32)] as const;
  await ask(`00-${unsampled}-${"c".repeat(16)}-00`);
  await ask(`00-${sampled}-${"d".repeat(16)}-01`);
  await eventually(async () => hasProcessed(await newSpans()), { timeoutMs: 10_000, what: "the trace" });
  const spans = await newSpans();
  expect([...new Set(spans.map(({ trace_id }) => trace_id))]).toEqual([sampled]);
  expect(only(spans, "send chat").parent_id).toBe("d".repeat(16));
});

it("points from the attempt that took over to the one that was killed", { timeout: 60_000 }, async () => {
  await using folder = await tempDir();
  const file = path.join(folder.path, "traces.jsonl");
  const env = traced(file);
  const quick = { ...env, "agent-worker": { ...env["agent-worker"], ACK_WAIT_MS: "2000" } };
  await using system = await startSystem({ env: quick });
  using anna = await person(system.edges[0]!);
  const chat = anna.conversation();
  const { turn_id } = await chat.send("hello\n/sim tokens=160 rate=20");
  await expect.poll(() => shownTurn(chat.view, turn_id)?.text.length ?? 0).toBeGreaterThan(10);
  await system.add("agent-worker");
  await spansOfTurn(file, turn_id, (spans) => spans.some(({ name }) => name === "claim"));
  await system.agentWorkers[0]!.kill("SIGKILL");
  expect((await chat.untilEnd(turn_id)).type).toBe("complete");

  const spans = await spansOfTurn(file, turn_id, hasProcessed);
  const survivor = only(spans, "process chat");
  const sent = only(spans, "send chat");
  expect(survivor.attributes).toMatchObject({ "parley.turn.attempt": 2, "parley.turn.result": "ended" });
  expect(survivor.parent_id).toBe(sent.span_id);
  // The span of the first attempt died with its worker; what it had done by then names it as its parent.
  const firstClaim = spans.find(({ name, parent_id }) => name === "claim" && parent_id !== survivor.span_id);
  expect(firstClaim).toBeDefined();
  expect(survivor.links).toEqual([{ trace_id: sent.trace_id, span_id: firstClaim?.parent_id }]);

  const shown = showTrace(file, turn_id);
  expect(shown).toContain("(never ended: its process was lost, or it still runs)");
  expect(shown).toContain(`links to ${firstClaim?.parent_id} (the attempt that never ended)`);
});

it(
  "sends the span of a worker that is stopped, and points to it from the next attempt",
  { timeout: 60_000 },
  async () => {
    await using folder = await tempDir();
    const file = path.join(folder.path, "traces.jsonl");
    await using system = await startSystem({ env: traced(file) });
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const { turn_id } = await chat.send("hello\n/sim tokens=160 rate=20");
    await expect.poll(() => shownTurn(chat.view, turn_id)?.text.length ?? 0).toBeGreaterThan(10);
    await system.add("agent-worker");
    await system.agentWorkers[0]!.kill("SIGTERM");
    expect((await chat.untilEnd(turn_id)).type).toBe("complete");

    const spans = await spansOfTurn(file, turn_id, hasProcessed);
    const [first, second] = spans
      .filter(({ name }) => name.startsWith("process chat"))
      .toSorted((a, b) => a.start_ms - b.start_ms);
    expect(first?.attributes).toMatchObject({ "parley.turn.attempt": 1, "parley.turn.result": "handed over" });
    expect(second?.attributes).toMatchObject({ "parley.turn.attempt": 2, "parley.turn.result": "ended" });
    expect(second?.links).toEqual([{ trace_id: first?.trace_id, span_id: first?.span_id }]);
  },
);

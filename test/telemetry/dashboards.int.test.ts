import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { startSystem, type Service } from "@parley/testkit";
import { expect, it } from "vitest";
import { person } from "../e2e/person.ts";
import { namedMetrics, readAll, servedMetrics } from "./observability-files.ts";

/** Figures of keys are there where there are keys. */
const sealed = { ENCRYPTION_KEY: randomBytes(32).toString("base64") };

async function figuresOf({ adminPort }: Service): Promise<string> {
  return (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
}

it(
  "serves every figure that a dashboard or an alert names, and values for those of a turn with a tool",
  { timeout: 60_000 },
  async () => {
    await using system = await startSystem({ env: { edge: sealed, "agent-worker": sealed, "tool-worker": sealed } });
    using anna = await person(system.edges[0]!);
    const chat = anna.conversation();
    const { turn_id } = await chat.send("list all pods");
    await chat.untilEnd(turn_id);
    const processes = [system.edges[0]!, system.agentWorkers[0]!, system.toolWorkers[0]!];
    const text = (await Promise.all(processes.map(figuresOf))).join("\n");

    const served = servedMetrics(text);
    const named = namedMetrics(`${readAll("prometheus/rules")}\n${readAll("grafana/dashboards")}`);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !served.has(name))).toEqual([]);

    const page = await readFile(path.resolve(import.meta.dirname, "../../docs/telemetry.md"), "utf8");
    const own = [...served.keys()].filter((name) => name.startsWith("parley_"));
    expect(own.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);

    const valueOf = (series: RegExp): number => Number(series.exec(text)?.[1]);
    expect(valueOf(/^parley_edge_time_to_first_token_seconds_count\{.*\} (\d+)$/m)).toBe(1);
    expect(valueOf(/^parley_edge_response_duration_seconds_count\{.*outcome="complete".*\} (\d+)$/m)).toBe(1);
    expect(valueOf(/^parley_edge_sent_bytes_total\{.*\} (\d+)$/m)).toBeGreaterThan(1_000);
    expect(valueOf(/^parley_edge_received_bytes_total\{.*\} (\d+)$/m)).toBeGreaterThan(100);
    expect(valueOf(/^parley_edge_messages_accepted_total\{kind="new".*\} (\d+)$/m)).toBe(1);
    expect(valueOf(/^parley_turns_ended_total\{outcome="complete".*\} (\d+)$/m)).toBe(1);
    expect(valueOf(/^parley_turn_queue_wait_seconds_count\{.*\} (\d+)$/m)).toBe(1);
    expect(valueOf(/^parley_model_calls_total\{.*result="ok".*\} (\d+)$/m)).toBe(2);
    expect(valueOf(/^parley_model_tokens_total\{.*direction="output".*\} (\d+)$/m)).toBeGreaterThan(10);
    expect(valueOf(/^parley_tool_calls_total\{tool="k8s_list_pods",status="completed".*\} (\d+)$/m)).toBe(1);
    expect(valueOf(/^parley_tool_queue_wait_seconds_count\{.*\} (\d+)$/m)).toBe(1);
    expect(valueOf(/^parley_turns_queue_waiting\{.*\} (\d+)$/m)).toBe(0);
    expect(valueOf(/^parley_tool_queue_waiting\{.*\} (\d+)$/m)).toBe(0);
  },
);

import { textOf as textOfParts } from "@parley/protocol";
import { eventually } from "@parley/testkit";
import { expect, it } from "vitest";
import { startApprovalBench } from "./approval-bench.ts";
import { textOf } from "./chain-check.ts";

/** The least that a worker takes. */
const eventWindowMs = 60_000;

it(
  "P2: goes on when its events have expired by themselves, behind a turn that came meanwhile",
  { timeout: 240_000 },
  async () => {
    await using bench = await startApprovalBench({ eventWindowMs });
    const env = { EVENT_WINDOW_MS: String(eventWindowMs), JANITOR_MS: "1000", RECORD_FORMAT: "2" };
    await Promise.all([bench.addApprovalWorker(env), bench.addApprovalWorker(env)]);
    const turn = await bench.ask('call the tool look with {} then call the tool ask with {"x":1}', {
      agent: "general",
    });
    const behind = await bench.ask("hello", { conversation: turn.conversation_id });
    await bench.waiting(turn);
    await eventually(async () => (await bench.eventsOf(turn)).length === 0, { what: "no events", timeoutMs: 120_000 });
    await bench.decide(turn, { call: `${turn.turn_id}-1-0`, approved: true });
    const end = await bench.ended(turn);
    expect(end.tool_calls.map(({ tool_name, status }) => [tool_name, status])).toEqual([
      ["look", "completed"],
      ["ask", "completed"],
    ]);
    expect(end.response.startsWith("Calling look.\n\nCalling ask.\n\n")).toBe(true);
    expect(textOf(await bench.eventsOf(turn))).toBe(end.response);
    const { turns } = await bench.bus.transcripts.tail(turn.conversation_id, { limit: 10 });
    const parts = turns.find(({ turn_id }) => turn_id === turn.turn_id)?.answer?.parts ?? [];
    expect(parts.map(({ type }) => type)).toEqual(["text", "tool_call", "text", "tool_call", "text"]);
    expect(textOfParts(parts)).toBe(end.response);
    expect(await bench.ended(behind)).toMatchObject({ type: "complete" });
    expect([...bench.effects.values()]).toEqual([1, 1]);
  },
);

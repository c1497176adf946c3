import { textOf as textOfParts, type StoredEvent } from "@parley/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createTurnFold, finishedCalls, foldEvent, type TurnFold } from "../src/turn-fold.ts";
import { textOf } from "./chain-check.ts";

const turn = { conversation_id: "c1", turn_id: "t1", ts: 1 };
const chained = (attempt: number, n: number) => ({ ...turn, attempt, n });
const call = (id: string) => ({ call_id: id, tool_name: "k8s_list_pods", arguments: {} });
const usage = { input_tokens: 10, output_tokens: 5 };

function foldOf(events: readonly StoredEvent[]): TurnFold {
  const fold = createTurnFold();
  events.forEach((event, index) => foldEvent(fold, index + 1, event));
  return fold;
}

it("keeps committed steps and tells their text from that of the unfinished one", () => {
  const fold = foldOf([
    { type: "claimed", ...chained(1, 0), worker: "a" },
    { type: "token", ...chained(1, 1), token: "Let me look." },
    { type: "step", ...chained(1, 2), step: 0, tool_calls: [call("t1-0-0")], usage },
    { type: "tool_call_start", ...chained(1, 3), ...call("t1-0-0") },
    { type: "tool_call_end", ...turn, ...call("t1-0-0"), status: "completed", result: "3 pods", duration_ms: 1 },
    { type: "token", ...chained(1, 4), token: "\n\nThere are" },
  ]);
  expect(fold.steps).toEqual([{ step: 0, text: "Let me look.", calls: [call("t1-0-0")], seq: 3 }]);
  expect([fold.committedText, fold.text]).toEqual(["Let me look.", "Let me look.\n\nThere are"]);
  expect(finishedCalls(fold)).toMatchObject([{ result: "3 pods" }]);
  expect(fold.usage).toEqual(usage);
  expect(fold.parts).toMatchObject([
    { type: "text", text: "Let me look." },
    { type: "tool_call", call_id: "t1-0-0", result: "3 pods" },
    { type: "text", text: "\n\nThere are" },
  ]);
});

it("remembers a decided ending and a request to cancel", () => {
  const outcome = { type: "cancelled" as const, response: "", message_id: "m", tool_calls: [], usage, reason: "why" };
  const fold = foldOf([
    { type: "cancel_requested", ...turn, by: "anna", reason: "why" },
    { type: "ending", ...chained(1, 0), ts: 4_711, outcome },
  ]);
  expect(fold).toMatchObject({ cancel: { by: "anna", reason: "why" }, ending: outcome, endedAt: 4_711, ended: false });
});

it("has the sequence of the chain's last event, not of others", () => {
  const fold = foldOf([
    { type: "claimed", ...chained(1, 0), worker: "a" },
    { type: "cancel_requested", ...turn, by: "anna", reason: "why" },
  ]);
  expect(fold.seq).toBe(1);
});

it("counts attempts, and those that were handed over", () => {
  const fold = foldOf([
    { type: "claimed", ...chained(1, 0), worker: "a" },
    { type: "released", ...chained(1, 1) },
    { type: "claimed", ...chained(2, 0), worker: "b" },
  ]);
  expect([fold.attempt, fold.released]).toEqual([2, 1]);
});

it("counts how long workers had the turn, not how long nobody had it, and no silence for more than two minutes", () => {
  const at = (seconds: number, attempt: number, n: number) => ({
    ...chained(attempt, n),
    ts: 1_000_000 + seconds * 1_000,
  });
  const fold = foldOf([
    { type: "claimed", ...at(0, 1, 0), worker: "a" },
    { type: "token", ...at(5, 1, 1), token: "one" },
    { type: "released", ...at(10, 1, 2) },
    { type: "claimed", ...at(600, 2, 0), worker: "b" },
    { type: "token", ...at(601, 2, 1), token: "two" },
    // The clock of that worker jumps by an hour, and back.
    { type: "token", ...at(4_200, 2, 2), token: "three" },
    { type: "token", ...at(602, 2, 3), token: "four" },
  ]);
  expect(fold.workedMs).toBe(10_000 + 1_000 + 120_000);
});

const tokenOrRestart = fc.oneof(
  fc.record({ kind: fc.constant("token" as const), text: fc.string() }),
  fc.record({ kind: fc.constant("restart" as const), text: fc.string() }),
);

it("has the text that a viewer has, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(tokenOrRestart), (parts) => {
      const events = parts.map(({ kind, text }, n): StoredEvent => {
        return kind === "token"
          ? { type: "token", ...chained(1, n), token: text }
          : { type: "turn_restarted", ...chained(1, n), text };
      });
      const fold = foldOf(events);
      expect([fold.text, textOfParts(fold.parts)]).toEqual([textOf(events), textOf(events)]);
    }),
  );
});

it("counts attempts that are forgotten for no limit, also for the worker after the one that claimed it behind them", () => {
  const fold = foldOf([
    { type: "claimed", ...chained(7, 0), worker: "a" },
    { type: "thinking", ...chained(7, 1), message: "…" },
    { type: "claimed", ...chained(8, 0), worker: "b" },
  ]);
  expect(fold.attempt - fold.released).toBe(2);
});

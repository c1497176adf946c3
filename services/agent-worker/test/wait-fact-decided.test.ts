import { Fact, callIdOf, decodeJson, encodeJson, jsonBytes, limits, toolCallsOf, type FactOf } from "@parley/protocol";
import { expect, test } from "vitest";
import { createTurnFold, foldEvent, type TurnFold } from "../src/turn-fold.ts";
import { foldOfWait, waitFactOf } from "../src/wait-fact.ts";

const turnId = "turn";
const common = { conversation_id: "c", turn_id: turnId, ts: 1_764_000_000_000 };
const request = { v: 1, ...common, user: { id: "u" }, id: "m", message_id: "m", message: "hello", accepted_at: 1 };
const [earlier, open] = [callIdOf(turnId, 0, 0), callIdOf(turnId, 0, 1)];
const asking = { summary: "Changes it.", preview: { kind: "diff" as const, text: "+it" }, expires_at: 2 };
const decided = { approved: false, by: { id: "anna" }, reason: "No." };

/** Two calls of one step are asked for, one of them is decided. */
function turnWithOneDecided(): TurnFold {
  const fold = createTurnFold();
  const usage = { input_tokens: 1, output_tokens: 1 };
  const calls = [earlier, open].map((call_id) => ({ call_id, tool_name: "change", arguments: { text: "it" } }));
  const chain = { ...common, attempt: 1 };
  foldEvent(fold, 1, { type: "claimed", ...chain, n: 0, worker: "w" });
  foldEvent(fold, 2, { type: "step", ...chain, n: 1, step: 0, tool_calls: calls, usage });
  calls.forEach((call, i) => foldEvent(fold, 3 + i, { type: "tool_call_start", ...chain, n: 2 + i, ...call }));
  calls.forEach((call, i) => foldEvent(fold, 5 + i, { type: "approval_required", ...common, ...call, ...asking }));
  foldEvent(fold, 7, { type: "approval_decided", ...common, call_id: earlier, ...decided });
  return fold;
}

function again(fact: FactOf<"wait"> | undefined): TurnFold {
  const read = fact && decodeJson(Fact, encodeJson(fact));
  if (read?.kind !== "wait") throw new Error("there is no room for it");
  return foldOfWait(read);
}

const waitOf = (maxBytes: number) =>
  waitFactOf({ request, fold: turnWithOneDecided(), attempt: 1 }, { calls: [open], until: 2 }, maxBytes);

test("a turn that waits keeps what was decided of earlier calls, for when its events are forgotten", () => {
  const [first, second] = toolCallsOf(again(waitOf(limits.eventBytes)).parts);
  expect(first?.approval).toEqual({ summary: asking.summary, expires_at: 2, ...decided });
  expect(second).not.toHaveProperty("approval");
});

test("what was decided goes first where there is no room for all", () => {
  const bytes = jsonBytes(waitOf(limits.eventBytes) ?? {});
  const [first] = toolCallsOf(again(waitOf(bytes + 500)).parts);
  expect(first).not.toHaveProperty("approval");
});

import type { StoredEvent } from "@parley/protocol";
import { expect, it } from "vitest";
import type { ConversationHistory } from "../../history.ts";
import { checkChains } from "../chain.ts";

const turn = { conversation_id: "c1", turn_id: "t1", ts: 1 };
const at = (attempt: number, n: number) => ({ ...turn, attempt, n });
const claimed = (attempt: number, n = 0): StoredEvent => ({ type: "claimed", ...at(attempt, n), worker: "w" });
const token = (attempt: number, n: number): StoredEvent => ({ type: "token", ...at(attempt, n), token: "a" });

function faultsOf(chain: readonly StoredEvent[]): string[] {
  const events = chain.map((event, index) => ({ seq: index + 1, turn: "t1", channel: "a", event }));
  const history = {
    plan: { id: "c1" },
    events,
    records: [],
    transcript: [],
    recordings: [],
    answers: [],
    queued: new Map(),
  };
  // Only the log matters to this check; the plan is all but empty.
  return checkChains(history as unknown as ConversationHistory).map(({ what }) => what);
}

it("accepts attempts that rise by one and numbers without a hole", () => {
  expect(faultsOf([claimed(1), token(1, 1), claimed(2), token(2, 1), token(2, 2)])).toEqual([]);
});

it.each([
  ["a hole in the numbers", [claimed(1), token(1, 2)]],
  ["an attempt that was left out", [claimed(1), claimed(3)]],
  ["a zombie's event behind a newer claim", [claimed(1), token(1, 1), claimed(2), token(1, 2)]],
  ["an event without a claim", [token(1, 0)]],
])("finds %s", (_name, chain) => {
  expect(faultsOf(chain)).not.toEqual([]);
});

import { expect, test } from "vitest";
import type { Recording } from "../../clients/recording.ts";
import type { StoredAt } from "../../history.ts";
import { checkGeneration, wireOffsetsOf } from "../wire-offset.ts";

const token = (n: number) => {
  const ids = { conversation_id: "c1", turn_id: "t1" };
  return { type: "token" as const, ...ids, ts: 1, attempt: 1, n, token: "a " };
};
const events: StoredAt[] = [1, 2, 3].map((seq) => ({ seq, turn: "t1", channel: "a", event: token(seq) }));

function shown(...seqs: readonly [n: number, seq: number][]): Recording {
  const entries = seqs.map(([n, seq]) => ({ kind: "frame" as const, atMs: 0, frame: { ...token(n), seq } }));
  return { device: "d", conversation: "c1", entries };
}

test("frames of one event stream have one offset, and nothing is said", () => {
  const offsets = wireOffsetsOf(events, [shown([1, 101], [2, 102]), shown([3, 103])]);
  expect([...offsets]).toEqual([100]);
  expect(checkGeneration(offsets, undefined)).toEqual([]);
});

test("an event stream that edges took for another one is found, once", () => {
  const offsets = wireOffsetsOf(events, [shown([1, 101]), shown([2, 502], [3, 503])]);
  expect(checkGeneration(offsets, undefined)).toMatchObject([{ promise: "P2" }]);
});

test("one that was deleted, as the scenario wanted, is not", () => {
  expect(checkGeneration(new Set([100, 500]), true)).toEqual([]);
});

import { createTurnView, jsonBytes, type Part, type ToolCallPart } from "@parley/protocol";
import { expect, it } from "vitest";
import { turnSnapshot } from "../src/hub/snapshot.ts";

const place = { conversation: "c", seq: 9 };
const call = (nth: number, more: Partial<ToolCallPart>): Part => ({
  ...{ type: "tool_call", call_id: `t-0-${nth}`, tool_name: "look", arguments: {} },
  ...more,
});
const snapshotOf = (parts: readonly Part[]) =>
  turnSnapshot(place, { ...createTurnView("t"), status: "running", parts });

/** What a socket takes at the most, unsent. */
const socketBytes = 1024 * 1024;

it("a snapshot of a turn with every limit of results used is a frame that a socket takes, and names each call", () => {
  const done = { status: "completed", result: "\u0000".repeat(5_400), duration_ms: 1 };
  const parts = Array.from({ length: 128 }, (_, nth) => call(nth, done));
  const frame = snapshotOf(parts);
  expect(jsonBytes(frame)).toBeLessThan(socketBytes / 2);
  expect(frame.tool_calls?.map(({ call_id }) => call_id)).toEqual(parts.map((_, nth) => `t-0-${nth}`));
  expect(frame.tool_calls?.every(({ truncated }) => truncated)).toBe(true);
  const small = snapshotOf([...parts, call(128, { ...done, result: "ok" })]).tool_calls?.at(-1);
  expect(small).toEqual({ call_id: "t-0-128", tool_name: "look", arguments: {}, ...done, result: "ok" });
});

it("a snapshot of a turn that asks for many calls at once shows the beginning of what each would change", () => {
  const approval = {
    summary: "Changes it.",
    preview: { kind: "diff", text: "+ a line\n".repeat(3_600) },
    expires_at: 9,
  };
  const asked = Array.from({ length: 31 }, (_, nth) => call(nth, { approval }));
  const frame = snapshotOf([...asked, call(31, { approval: { ...approval, approved: true } })]);
  expect(jsonBytes(frame)).toBeLessThan(socketBytes / 2);
  expect(
    frame.tool_calls?.slice(0, 31).every(({ approval: shown }) => shown?.preview?.text.startsWith("+ a line\n")),
  ).toBe(true);
  expect(frame.tool_calls?.[31]?.approval).toEqual({ summary: "Changes it.", expires_at: 9, approved: true });
});

it("a snapshot of a turn whose calls are small has them as they are", () => {
  const parts = [
    call(0, { status: "completed", result: "ok", duration_ms: 1 }),
    call(1, { approval: { summary: "Changes it.", preview: { kind: "text", text: "x" } } }),
  ];
  expect(snapshotOf(parts).parts).toEqual(parts);
});

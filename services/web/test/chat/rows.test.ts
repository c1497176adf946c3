import type { MessageView } from "@parley/protocol/fold";
import { expect, test } from "vitest";
import { rowsOf } from "../../src/chat/rows.ts";

const nobody = { older: [], messages: [], outgoing: [], waiting: new Set<string>(), next: undefined };

function message(id: string, ts?: number): MessageView {
  const common = { message_id: id, turn_id: `turn-${id}`, author: { role: "user" }, parts: [], status: "complete" };
  return ts === undefined ? common : { ...common, ts };
}

function at(day: number, hour = 12): number {
  return new Date(2026, 10, day, hour).getTime();
}

function kinds(rows: ReturnType<typeof rowsOf>): string[] {
  return rows.map((row) => (row.kind === "message" ? row.key : row.kind));
}

test("each day begins with its row, also across the border between older pages and the view", () => {
  const older = [message("a", at(27, 23)), message("b", at(28, 0))];
  const messages = [message("c", at(28, 23)), message("d"), message("e", at(29, 1))];
  const rows = rowsOf({ ...nobody, older, messages });
  expect(kinds(rows)).toEqual(["day", "a", "day", "b", "c", "d", "day", "e"]);
});

test("a clock that is behind begins no day again", () => {
  const messages = [message("a", at(28)), message("b", at(29)), message("c", at(28)), message("d", at(29))];
  const rows = rowsOf({ ...nobody, messages });
  expect(kinds(rows)).toEqual(["day", "a", "day", "b", "c", "d"]);
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
});

test("a time that no calendar has begins no day", () => {
  const messages = [message("a", 1e300), message("b", Number.NaN), message("c", at(28))];
  expect(kinds(rowsOf({ ...nobody, messages }))).toEqual(["a", "b", "day", "c"]);
});

test("what has not changed is the same row", () => {
  const messages = [message("a", at(28)), message("b", at(28))];
  const before = rowsOf({ ...nobody, messages });
  const after = rowsOf({ ...nobody, messages: [...messages, message("c", at(28))] });
  expect(after[1]).toBe(before[1]);
  expect(after[2]).toBe(before[2]);
});

test("messages that wait stand in their own list, and what was sent here comes last", () => {
  const messages = [message("a"), message("b")];
  const outgoing = [{ id: "o", text: "…", status: "sending" } as const];
  const rows = rowsOf({ ...nobody, messages, outgoing, waiting: new Set(["turn-b"]) });
  expect(kinds(rows)).toEqual(["a", "outgoing"]);
});

test("a message that nobody has begun to answer shows that, once it has arrived", () => {
  const messages = [message("a")];
  expect(kinds(rowsOf({ ...nobody, messages, next: "turn-a" }))).toEqual(["a", "pending"]);
  const outgoing = [{ id: "o", text: "…", status: "sending" } as const];
  expect(kinds(rowsOf({ ...nobody, messages, outgoing, next: "turn-a" }))).toEqual(["a", "outgoing"]);
});

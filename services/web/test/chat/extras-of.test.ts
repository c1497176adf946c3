import type { Room } from "@parley/protocol/fold";
import { expect, test } from "vitest";
import { extrasOf, type ExtrasOf, type RoomMessage } from "../../src/chat/extras-of.ts";
import { rowsOf } from "../../src/chat/rows.ts";

const ann = { id: "ann", name: "Ann" };
const ben = { id: "ben", name: "Ben" };
const you = { id: "you", name: "You" };
const room: Room = {
  ...{ n: 1, owner: you, member_count: 3, answers: "mention", agents: [], pins: ["b"] },
  members: [you, ann, ben].map((person) => ({ ...person, role: "writer", since: 0 })),
};
const of: ExtrasOf = { changes: {}, reads: {}, viewerId: "you", room };

function message(id: string, by: { id: string; name: string }, more: Partial<RoomMessage> = {}): RoomMessage {
  const author = { role: "user", ...by };
  const parts = [{ type: "text", text: `text of ${id}` } as const];
  return { message_id: id, turn_id: `turn-${id}`, author, parts, status: "complete", ts: 0, ...more };
}

test("where the owner is alone, and nothing became of any message, nothing is made", () => {
  expect(extrasOf([message("a", you)], { ...of, room: undefined })).toBeUndefined();
});

test("messages of others are told apart, and those that follow at once go on", () => {
  const extras = extrasOf(
    [message("a", ann), message("b", ann), message("c", ann, { ts: 600_000 }), message("d", you, { ts: 600_000 })],
    of,
  );
  const told = [...(extras?.values() ?? [])].map(({ isOther, isContinued, isPinned }) => [
    isOther,
    isContinued,
    isPinned,
  ]);
  expect(told).toEqual([
    [true, false, false],
    [true, true, true],
    [true, false, false],
    [false, false, false],
  ]);
});

test("a reply shows what it replies to as it is now, and says where that is not there", () => {
  const messages = [message("a", ann), message("b", you, { reply_to: "a" }), message("c", you, { reply_to: "gone" })];
  const changes = { a: { message_id: "a", n: 1, message: "another text", reactions: [] } };
  const extras = extrasOf(messages, { ...of, changes });
  expect(extras?.get("b")?.replyTo).toEqual({ messageId: "a", name: "Ann", text: "another text" });
  expect(extras?.get("c")?.replyTo).toEqual({ messageId: "gone", name: undefined, text: "" });
});

test("who has read up to a message stands at it: not the viewer, not its author, not who has left", () => {
  const left = { id: "left", name: "Left" };
  const reads = Object.fromEntries([ann, ben, you, left].map((user) => [user.id, { user, message_id: "b", ts: 1 }]));
  const extras = extrasOf([message("a", ann), message("b", ann)], { ...of, reads });
  expect(extras?.get("a")?.readers).toEqual([]);
  expect(extras?.get("b")?.readers.map(({ id }) => id)).toEqual(["ben"]);
});

test("a row is the same one until what it shows changes", () => {
  const messages = [message("a", ann), message("b", ann)];
  const rows = (extra: Partial<ExtrasOf>) =>
    rowsOf({
      ...{ older: [], messages, outgoing: [], waiting: new Set<string>(), next: undefined },
      extras: extrasOf(messages, { ...of, ...extra }),
    });
  const before = rows({});
  expect(rows({})).toEqual(before);
  expect(rows({})[1]).toBe(before[1]);
  const reads = { ben: { user: ben, message_id: "b", ts: 1 } };
  const after = rows({ reads });
  expect(after[1]).toBe(before[1]);
  expect(after[2]).not.toBe(before[2]);
});

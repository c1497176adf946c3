import { expect, test } from "vitest";
import { createRoom } from "../../../loadtest/room.ts";
import type { Tally } from "../../../loadtest/tally.ts";
import { readFrame } from "../../../loadtest/wire.ts";

const post = (seq: number, id = `m${seq}`) =>
  readFrame(JSON.stringify({ type: "post", seq, conversation_id: "r", turn_id: `t${seq}`, message_id: `${id}-u`, id }));

function watched() {
  const counts: Record<string, number> = {};
  const tally: Tally = {
    time() {},
    count: (name, by = 1) => void (counts[name] = (counts[name] ?? 0) + by),
    error() {},
    socketOpened() {},
    socketClosed() {},
    report() {},
  };
  const room = createRoom("r", 2, tally);
  let begun = 0;
  const [one, other] = [room.arrive(() => begun++), room.arrive(() => begun++)];
  const leave = (): Record<string, number> => {
    one.leave();
    other.leave();
    return counts;
  };
  return { room, one, other, leave, begun: () => begun };
}

test("nobody in a room begins before everybody is there", () => {
  expect(watched().begun()).toBe(2);
});

test("what all were shown in one order is no fault", () => {
  const { room, one, other, leave } = watched();
  room.said("m1");
  one.see(post(1));
  expect(other.isBehind()).toBe(true);
  other.see(post(1));
  other.see(post(2));
  one.see(post(2));
  expect([one.isBehind(), other.isBehind()]).toEqual([false, false]);
  expect(leave()).toEqual({ events_seen: 4 });
});

test("finds another order, what only some were shown, and a message that nobody was shown", () => {
  const { room, one, other, leave } = watched();
  room.said("lost");
  for (const seq of [1, 2, 3]) one.see(post(seq));
  for (const seq of [2, 1]) other.see(post(seq));
  expect(leave()).toEqual({ events_seen: 5, out_of_order: 2, gaps: 1, unfinished: 1 });
});

test("finds a message that is shown twice, also when all are shown it twice", () => {
  const { one, other, leave } = watched();
  for (const witness of [one, other]) for (const seq of [1, 2]) witness.see(post(seq, "same"));
  expect(leave()).toMatchObject({ repeats: 1 });
});

import { createView, foldFrame, transcriptOfPost, type ConversationView, type PostEvent } from "@parley/protocol";
import { expect, test } from "vitest";
import type { ConversationFrame, Recording } from "../clients/recording.ts";
import { checkAbsence, checkPosts, checkRoom, checkSame, checkTurns } from "./room-checks.ts";
import type { RoomHistory } from "./room-history.ts";
import { roomPlansOf } from "./room-plan.ts";

const [plan] = roomPlansOf("seed", { rooms: 1, acts: 5, spanMs: 100 });
if (plan === undefined) throw new Error("there is no plan");
const conversation_id = plan.id;

function postOf(n: number, more: Partial<PostEvent> = {}): PostEvent {
  const turn_id = `p${n}`;
  const place = { conversation_id, turn_id, message_id: `${turn_id}-u`, id: `m${n}`, after: null, n, ts: n };
  return { type: "post", ...place, author: { role: "user", id: "ann" }, message: `post ${n}`, ...more };
}

const posts = [postOf(1), postOf(2), postOf(3)];

function viewOf(shown: readonly PostEvent[]): ConversationView {
  return shown.reduce<ConversationView>(
    (view, post, at) => foldFrame(view, { ...post, seq: at + 1 }),
    createView(conversation_id),
  );
}

const gone: ConversationFrame = {
  ...{ type: "member", conversation_id, ts: 1, n: 2, answers: "mention", agents: [], member_count: 3, seq: 2 },
  people: [{ id: plan.people.at(-1) ?? "", role: null }],
};

function recordingOf(...entries: Recording["entries"]): Recording {
  return { device: "device", conversation: conversation_id, entries };
}

const good: RoomHistory = {
  room: {
    plan,
    accepted: posts.map(({ id, turn_id }) => ({ id, kind: "post", by: "ann", turn: turn_id })),
    absence: { goneAtMs: 100, backAtMs: 5_000 },
  },
  events: posts.map((event, at) => ({ seq: at + 1, turn: "", event })),
  posts,
  stored: posts.map(transcriptOfPost),
  recordings: [recordingOf({ kind: "frame", frame: gone, atMs: 90 })],
  views: [viewOf(posts), viewOf(posts)],
};

test("a room in which all is as it should be breaks nothing; who came late may lack what is old", () => {
  expect(checkRoom(good)).toEqual([]);
  expect(checkRoom({ ...good, views: [viewOf(posts), viewOf(posts.slice(1))] })).toEqual([]);
});

test("a post that is stored twice, missing, or told behind a later one is found", () => {
  const twice = [...posts, postOf(4, { turn_id: "p3" })];
  expect(checkPosts({ ...good, posts: twice })).toMatchObject([{ promise: "P1", what: "post p3 is stored 2 times" }]);
  expect(checkPosts({ ...good, posts: posts.slice(0, 2) })).toMatchObject([
    { what: "post m3 was accepted and is not stored" },
  ]);
  expect(checkPosts({ ...good, posts: posts.slice(1) })).toHaveLength(3);
  expect(checkPosts({ ...good, events: good.events.toReversed() })).toHaveLength(2);
});

test("a turn without an end is found", () => {
  const accepted = [{ id: "m9", kind: "ask", by: "ann", turn: "t9" }] as const;
  expect(checkTurns({ ...good, room: { ...good.room, accepted } })).toMatchObject([
    { promise: "P1", what: "turn m9 has 0 ends and 0 answers" },
  ]);
});

test("a member who has another order, another text, or less in the middle is found", () => {
  const broken = (shown: readonly PostEvent[]) => checkSame({ ...good, views: [viewOf(posts), viewOf(shown)] });
  expect(broken([postOf(1), postOf(2, { message: "other" }), postOf(3)])).toHaveLength(1);
  expect(broken([postOf(1), postOf(3)])).toHaveLength(1);
  expect(broken([])).toHaveLength(1);
});

test("whatever a removed member is shown before they are back is found, by its place and by its time", () => {
  const shown = (seq: number, atMs: number) =>
    checkAbsence({
      ...good,
      recordings: [
        recordingOf({ kind: "frame", frame: gone, atMs: 90 }, { kind: "frame", frame: { ...postOf(3), seq }, atMs }),
      ],
    });
  expect(shown(3, 95)).toMatchObject([{ promise: "P9" }]);
  expect(shown(1, 2_000)).toMatchObject([{ promise: "P9" }]);
  expect(shown(1, 95)).toEqual([]);
  expect(shown(3, 5_100)).toEqual([]);
  expect(checkAbsence({ ...good, room: { ...good.room, absence: undefined } })).toHaveLength(1);
});

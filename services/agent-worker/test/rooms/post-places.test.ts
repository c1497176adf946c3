import { newestWithPosts, messagesOf, transcriptOfPost, type PostEvent, type StoredTurn } from "@parley/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { postsByPlace } from "../../src/rooms/post-places.ts";

const common = { conversation_id: "c", author: { role: "user", id: "ann" } as const };

function turnAt(turn_id: string, ts: number): StoredTurn {
  const question = { message_id: `${turn_id}-u`, turn_id, author: common.author, message: turn_id, ts };
  return { turn_id, seq: ts, question: { ...question, status: "complete" } };
}

function postAt(n: number, after: string | null, ts: number): PostEvent {
  const turn_id = `p${n}`;
  return { type: "post", ...common, turn_id, message_id: `${turn_id}-u`, id: turn_id, message: turn_id, after, n, ts };
}

/** What the model reads, and what a page shows. */
function orders(history: readonly StoredTurn[], posts: readonly PostEvent[]) {
  const request = { turn_id: "asked", accepted_at: 1_000 };
  const places = postsByPlace({ posts, limit: 100 }, { request, history, shown: history, summary: undefined });
  const behind = (turn: string | null): string[] => (places.get(turn) ?? []).map(({ turn_id }) => turn_id);
  const told = [...behind(null), ...history.flatMap(({ turn_id }) => [turn_id, ...behind(turn_id)])];
  const page = newestWithPosts(messagesOf(history), posts.map(transcriptOfPost), {
    limit: Infinity,
    isBeginning: true,
  });
  return { told, shown: page.messages.map(({ turn_id }) => turn_id) };
}

it("puts a post behind a turn of another branch where the page has it: by the time that both have", () => {
  const { told, shown } = orders(
    [turnAt("t1", 10), turnAt("t2", 20), turnAt("t3", 30)],
    [postAt(1, "t1", 12), postAt(2, "on another branch", 25), postAt(3, "t3", 32)],
  );
  expect(shown).toEqual(["t1", "p1", "t2", "p2", "t3", "p3"]);
  expect(told).toEqual(shown);
});

it("has the order of pages, whatever was said when and behind what", () => {
  const turns = ["t0", "t1", "t2", "t3"];
  const after = fc.constantFrom(null, ...turns, "elsewhere");
  const post = fc.record({ after, gap: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(post, { maxLength: 8 }), (drafts) => {
      const history = turns.map((turn, i) => turnAt(turn, 10 + 20 * i));
      let ts = 10;
      const posts = drafts.map(({ after: turn, gap }, i) => postAt(i + 1, turn, (ts += gap)));
      const { told, shown } = orders(history, posts);
      expect(told).toEqual(shown);
    }),
    { numRuns: 500 },
  );
});

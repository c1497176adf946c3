import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createView,
  foldFrame,
  inPlace,
  messageIdOf,
  messages,
  newestWithPosts,
  queue,
  transcriptOfPost,
  turn as turnIn,
  type ConversationEventFrame,
  type ConversationView,
  type EventFrame,
  type PostEvent,
  type SnapshotFrame,
  type TranscriptMessage,
} from "@parley/protocol";

const conversation_id = "c1";
const usage = { input_tokens: 0, output_tokens: 0 };
type Frame = EventFrame | ConversationEventFrame;

/** What happens, in the order in which it is stored: a turn is asked, the oldest open one ends, or somebody writes, by an edge that is so many turns behind. */
const story = fc.array(
  fc.oneof(
    fc.constant("ask" as const),
    fc.constant("end" as const),
    fc.nat({ max: 2 }).map((behind) => ({ behind })),
  ),
  { maxLength: 40 },
);

type Story = typeof story extends fc.Arbitrary<infer Value> ? Value : never;

function framesOf(steps: Story): Frame[] {
  const turns: string[] = [];
  let [ended, n] = [0, 0];
  return steps.flatMap((step, at): Frame[] => {
    const common = { conversation_id, ts: at + 1, seq: at + 1 };
    if (step === "ask") {
      const turn_id = `t${turns.length}`;
      turns.push(turn_id);
      const message_id = messageIdOf(turn_id, "user");
      return [
        { type: "message", ...common, turn_id, message_id, id: turn_id, author: { role: "user" }, message: turn_id },
      ];
    }
    if (step === "end") {
      const turn_id = turns[ended];
      if (turn_id === undefined) return [];
      ended++;
      const message_id = messageIdOf(turn_id, "assistant");
      const end = { response: `to ${turn_id}`, message_id, tool_calls: [], usage, metadata: {} };
      return [{ type: "complete", ...common, turn_id, attempt: 1, n: 0, ...end }];
    }
    n++;
    const turn_id = `p${n}`;
    const message_id = messageIdOf(turn_id, "user");
    const after = turns.length === 0 ? null : (turns[Math.max(0, turns.length - 1 - step.behind)] ?? null);
    const said = { message_id, id: turn_id, author: { role: "user", id: "ann" }, message: turn_id, after, n };
    return [{ type: "post", ...common, turn_id, ...said }];
  });
}

/** The transcript as a server makes it of all that was stored so far. */
function transcriptOf(frames: readonly Frame[], limit = Infinity): TranscriptMessage[] {
  const turns = frames.flatMap((frame): TranscriptMessage[] => {
    if (frame.type !== "message") return [];
    const { message_id, turn_id, author, message, ts } = frame;
    const end = frames.find((one) => one.type === "complete" && one.turn_id === turn_id);
    const question = { message_id, turn_id, author, message, status: "complete", ts };
    if (end?.type !== "complete") return [question];
    const answer = { message_id: end.message_id, turn_id, author: { role: "assistant" }, message: end.response };
    return [question, { ...answer, status: "complete", tool_calls: [], usage, metadata: {}, ts: end.ts }];
  });
  const posts = frames.flatMap((frame) => (frame.type === "post" ? [transcriptOfPost(frame)] : []));
  return [...newestWithPosts(turns, posts, { limit, isBeginning: true }).messages];
}

function snapshotOf(frames: readonly Frame[], seq: number, limit?: number): SnapshotFrame {
  const all = transcriptOf(frames, limit);
  return { type: "snapshot", conversation_id, seq, messages: all, status: "idle", ts: 1 };
}

const foldAll = (view: ConversationView, frames: readonly (Frame | SnapshotFrame)[]): ConversationView =>
  frames.reduce(foldFrame, view);

const textsOf = (view: ConversationView): string[] =>
  messages(view).map(({ parts }) => parts.map((part) => ("text" in part ? part.text : "")).join(""));

/** What is shown of open turns differs: a view has an answer once it has begun. */
const ended = (steps: Story): Story => [...steps, ...steps.map(() => "end" as const)];

test("whoever looked on, came late, came back or was given a snapshot that is ahead shows the same messages in the same order", () => {
  fc.assert(
    fc.property(story, fc.nat(60), fc.nat(60), fc.nat(60), (steps, one, two, ahead) => {
      const frames = framesOf(ended(steps));
      const [from, to] = [Math.min(one, two), Math.max(one, two)];
      const before = frames.slice(0, to);
      const seq = before.at(-1)?.seq ?? 0;
      // Posts that were stored by then, and told later.
      const known = [...before, ...frames.slice(to, to + ahead).filter(({ type }) => type === "post")];
      const live = foldAll(createView(conversation_id), frames);
      const late = foldAll(createView(conversation_id), [snapshotOf(known, seq), ...frames.slice(to)]);
      const back = foldAll(foldAll(createView(conversation_id), frames.slice(0, from)), frames.slice(from));
      const cut = foldAll(createView(conversation_id), [
        ...frames.slice(0, from),
        snapshotOf(known, seq),
        ...frames.slice(to),
      ]);
      const stored = transcriptOf(frames).map(({ message }) => message);
      for (const view of [live, late, back, cut]) {
        expect(textsOf(view)).toEqual(stored);
        expect(queue(view)).toEqual([]);
      }
    }),
    { numRuns: 400 },
  );
});

test("pages of any size have all of it, each message once", () => {
  fc.assert(
    fc.property(story, fc.integer({ min: 1, max: 8 }), (steps, limit) => {
      const frames = framesOf(ended(steps));
      const all = transcriptOf(frames);
      let turns = all.filter(({ post }) => post === undefined);
      let posts = all.filter(({ post }) => post !== undefined).toSorted((a, b) => (a.post ?? 0) - (b.post ?? 0));
      const seen: string[] = [];
      for (let pages = 0; turns.length + posts.length > 0; pages++) {
        expect(pages).toBeLessThan(100);
        const page = newestWithPosts(turns, posts, { limit, isBeginning: true });
        seen.unshift(...page.messages.map(({ message_id }) => message_id));
        turns = turns.filter(({ turn_id }) => !page.turns.has(turn_id));
        const { firstPost = Infinity } = page;
        posts = posts.filter(({ post = 0 }) => post < firstPost);
      }
      expect(seen.toSorted()).toEqual(all.map(({ message_id }) => message_id).toSorted());
    }),
    { numRuns: 400 },
  );
});

const post = (n: number, after: string | null): PostEvent & { seq: number } => {
  const turn_id = `p${n}`;
  const author = { role: "user", id: "ann" };
  const said = { message_id: `${turn_id}-u`, id: turn_id, author, message: turn_id, after, ts: n, n };
  return { type: "post", conversation_id, turn_id, seq: n, ...said };
};

test("nobody waits for an end of a post: it has one, in a view and in a snapshot", () => {
  const live = foldFrame(createView(conversation_id), post(1, null));
  expect(turnIn(live, "p1")).toMatchObject({
    status: "complete",
    outcome: { response: "", metadata: { posted: true } },
  });
  const waiting = createView(conversation_id, ["p1"]);
  const messagesOf = [transcriptOfPost(post(1, null))];
  const snapshot = { type: "snapshot", conversation_id, seq: 9, messages: messagesOf, status: "idle", ts: 1 } as const;
  const told = foldFrame(waiting, snapshot);
  expect(turnIn(told, "p1")?.outcome).toMatchObject({ type: "complete", metadata: { posted: true } });
  expect(textsOf(told)).toEqual(["p1"]);
});

test("a post whose turn is not there stays where it stands, until that turn comes", () => {
  const items = [
    { turn_id: "p1", post: 1, after: "older" },
    { turn_id: "t5" },
    { turn_id: "p2", post: 2, after: "t6" },
  ];
  expect(inPlace(items)).toEqual(items);
  expect(inPlace([...items, { turn_id: "t6" }]).map(({ turn_id }) => turn_id)).toEqual(["p1", "t5", "t6", "p2"]);
});

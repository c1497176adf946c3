import { messageIdOf, type PostEvent, type StoredTurn, type TurnRequest } from "@parley/protocol";
import { expect, test } from "vitest";
import { buildMessages } from "../../src/context.ts";
import type { Room } from "../../src/room.ts";
import { sharedRoomOf } from "../../src/rooms/room-context.ts";

const ann = { id: "u-ann", name: "Ann" };
const bob = { id: "u-bob", name: "Bob" };

const request: TurnRequest = {
  ...{ v: 1, turn_id: "t9", conversation_id: "c", user: ann, id: "m9", message_id: "t9-u", message: "And the price?" },
  ...{ accepted_at: 1_000, room: true },
};

type Answer = Partial<NonNullable<StoredTurn["answer"]>>;

function turnOf(turn_id: string, user: typeof ann, message: string, answer: Answer = {}): StoredTurn {
  const common = { turn_id, status: "complete", ts: 100 * Number(turn_id.slice(1)) };
  const author = { role: "user", ...user };
  return {
    ...{ turn_id, seq: Number(turn_id.slice(1)) },
    question: { ...common, message_id: messageIdOf(turn_id, "user"), author, message },
    answer: {
      ...{ ...common, message_id: messageIdOf(turn_id, "assistant"), author: { role: "assistant" }, tool_calls: [] },
      ...{ message: `answer ${turn_id}`, metadata: { agent: "car" }, ...answer },
    },
  };
}

function postOf(n: number, user: typeof ann, message: string, after: string | null, more: Partial<PostEvent> = {}) {
  const turn_id = `p${n}`;
  const author = { role: "user", ...user };
  const common = { type: "post" as const, conversation_id: "c", turn_id, message_id: `p${n}-u`, id: `m${n}`, n };
  return { ...common, author, message, after, ts: 500, ...more };
}

const empty: Room = { people: [ann, bob], agents: [], posts: [], limit: 40 };

interface Asked {
  readonly room?: Partial<Room>;
  readonly history?: readonly StoredTurn[];
  readonly agent?: string;
  readonly request?: Partial<TurnRequest>;
  readonly maxBytes?: number;
  readonly until?: string;
}

function asked({ room = {}, history = [], agent = "car", maxBytes = 100_000, until, ...more }: Asked) {
  const asks = { ...request, ...more.request };
  const shared = sharedRoomOf({ room: { ...empty, ...room }, request: asks, history });
  const seq = history.find(({ turn_id }) => turn_id === until)?.seq ?? 0;
  return buildMessages({
    ...{ systemPrompt: "Be kind.", history, message: asks.message, steps: [], maxBytes },
    ...(until === undefined ? {} : { summary: { until: { turn_id: until, seq }, text: "Much was said." } }),
    room: shared?.contextFor({ name: agent }, (turn) => `f-${turn}`),
  });
}

const without = ([, ...messages]: ReturnType<typeof asked>) => messages;

test("each message says who wrote it, and posts stand behind the turn that was accepted before them, in the order of their numbers", () => {
  const history = [turnOf("t1", ann, "It makes a noise."), turnOf("t2", bob, "Which oil?")];
  const posts = [
    postOf(1, bob, "Let us ask.", null),
    postOf(2, bob, "Told you.", "t1"),
    postOf(3, ann, "Thanks", "t2"),
    postOf(4, bob, "Late, but before.", "t1"),
  ];
  expect(without(asked({ history, room: { posts } }))).toEqual([
    { role: "user", content: "[Bob]: Let us ask.\n\n[Ann]: It makes a noise." },
    { role: "assistant", content: "answer t1" },
    { role: "user", content: "[Bob]: Told you.\n\n[Bob]: Late, but before.\n\n[Bob]: Which oil?" },
    { role: "assistant", content: "answer t2" },
    { role: "user", content: "[Ann]: Thanks\n\n[Ann]: And the price?" },
  ]);
});

test("what was written behind the question is not among what was said before it", () => {
  const history = [turnOf("t1", ann, "It makes a noise.")];
  const posts = [
    postOf(1, bob, "Behind.", "t9"),
    postOf(2, bob, "Further behind.", "t10"),
    postOf(3, bob, "Before.", "t1"),
  ];
  const messages = JSON.stringify(without(asked({ history, room: { posts } })));
  expect(messages).not.toMatch(/ehind/);
  expect(messages).toContain("Before.");
});

test("a post behind a turn that is not shown stands where its time is, as on pages; one that came later by its clock nowhere", () => {
  const history = [turnOf("t1", ann, "Hm."), turnOf("t3", ann, "So.")];
  const posts = [
    postOf(1, bob, "First.", "t1"),
    postOf(2, bob, "Of a branch.", "t2", { ts: 250 }),
    postOf(3, bob, "Later.", "t10", { ts: 2_000 }),
  ];
  const messages = without(asked({ history, room: { posts } }));
  expect(messages[2]).toEqual({ role: "user", content: "[Bob]: First.\n\n[Bob]: Of a branch.\n\n[Ann]: So." });
  expect(JSON.stringify(messages)).not.toContain("Later");
});

test("posts that are older than what was read are left out", () => {
  const history = [turnOf("t5", ann, "Hm.")];
  const posts = [
    postOf(1, bob, "Old.", null),
    postOf(2, bob, "Old too.", "t1", { ts: 150 }),
    postOf(3, bob, "New.", "t5"),
  ];
  const messages = JSON.stringify(asked({ history, room: { posts, limit: 2 } }));
  expect(messages).not.toContain("Old");
  expect(messages).toContain("New.");
});

test("of what a summary tells nothing is told twice, posts neither", () => {
  const history = [turnOf("t1", ann, "One."), turnOf("t2", bob, "Two."), turnOf("t3", bob, "Three.")];
  const posts = [
    postOf(1, bob, "Zero.", null),
    postOf(2, bob, "Behind one.", "t1"),
    postOf(3, ann, "Behind two.", "t2"),
  ];
  expect(without(asked({ history, room: { posts }, until: "t2" }))).toEqual([
    { role: "user", content: "[Ann]: Behind two.\n\n[Bob]: Three." },
    { role: "assistant", content: "answer t3" },
    { role: "user", content: "[Ann]: And the price?" },
  ]);
});

test("another agent's answer is told as its, without its tools; one's own stays one's own", () => {
  const call = {
    call_id: "t2-0-0",
    tool_name: "parts_find",
    arguments: {},
    status: "completed",
    result: "3 of them",
    duration_ms: 1,
  } as const;
  const history = [
    turnOf("t1", ann, "Hm."),
    turnOf("t2", ann, "@parts have we any?", {
      ...{ message: "Three.", metadata: { agent: "stock" }, author: { role: "assistant", name: "parts" } },
      tool_calls: [call],
    }),
  ];
  const room = {
    agents: [
      { handle: "mechanic", agent: "car" },
      { handle: "parts", agent: "stock" },
    ],
  };
  expect(without(asked({ history, room }))).toEqual([
    { role: "user", content: "[Ann]: Hm." },
    { role: "assistant", content: "answer t1" },
    { role: "user", content: "[Ann]: @parts have we any?\n\n[parts, another agent]: Three.\n\n[Ann]: And the price?" },
  ]);
  expect(without(asked({ history, room, agent: "stock" }))[0]).toEqual({
    role: "user",
    content: "[Ann]: Hm.\n\n[mechanic, another agent]: answer t1\n\n[Ann]: @parts have we any?",
  });
  expect(asked({ history, room })[0]?.content).toContain("you are called mechanic here. Other agents here: @parts.");
});

test("an answer that was stopped is known by the name under which it is stored", () => {
  const stopped = { metadata: undefined, status: "cancelled", author: { role: "assistant", name: "parts" } };
  const room = {
    agents: [
      { handle: "mechanic", agent: "car" },
      { handle: "parts", agent: "stock" },
    ],
  };
  const [first] = without(asked({ history: [turnOf("t1", ann, "Hm.", stopped)], room }));
  expect(first?.content).toContain(
    '[parts, another agent]:\n<said fence="f-t1">\nanswer t1\n\n[The user stopped this answer here.]\n</said fence="f-t1">',
  );
});

test("a reply says to what, also where that was written between people or by an agent", () => {
  const history = [turnOf("t1", bob, "Which oil?", { message: "5W-30." })];
  const posts = [postOf(1, bob, "Are you sure?", "t1", { reply_to: "t1-a" })];
  const messages = without(asked({ history, room: { posts }, request: { reply_to: "p1-u" } }));
  expect(messages.at(-1)?.content).toBe(
    '[Bob] (in reply to you: "5W-30."): Are you sure?\n\n[Ann] (in reply to Bob: "Are you sure?"): And the price?',
  );
  expect(without(asked({ request: { reply_to: "t7-u" } }))[0]?.content).toContain("(in reply to an earlier message)");
});

test("what somebody wanted to be remembered is not told in the turns of others", () => {
  const call = {
    ...{ call_id: "t1-0-0", tool_name: "remember", arguments: { text: "Has a dog." }, status: "completed" },
    result: "Remembered as m_1.",
    duration_ms: 1,
  } as const;
  const of = (user: typeof ann) =>
    JSON.stringify(asked({ history: [turnOf("t1", user, "Hm.", { tool_calls: [call] })] }));
  expect(of(bob)).not.toMatch(/Has a dog|m_1/);
  expect(of(ann)).toContain("Has a dog.");
});

test("the newest that fit are shown, posts and turns alike, and nobody but the user begins", () => {
  const history = [turnOf("t1", ann, "Hm.", { message: "x".repeat(3_000) }), turnOf("t2", bob, "So.")];
  const posts = Array.from({ length: 30 }, (_, at) => postOf(at + 1, bob, `post ${at} ${"y".repeat(100)}`, "t2"));
  const messages = asked({ history, room: { posts }, maxBytes: 4_500 });
  expect(Buffer.byteLength(JSON.stringify(messages))).toBeLessThanOrEqual(4_500);
  expect(messages[1]?.role).toBe("user");
  expect(messages.at(-1)?.content).toContain("post 29");
  expect(JSON.stringify(messages)).not.toContain("post 0 ");
});

test("a conversation of one is told as ever: no name, no rule, whether the edge speaks of a room or not", () => {
  const history = [turnOf("t1", ann, "[Bob]: Hm.\n")];
  const alone = asked({ history, room: { people: [ann] } });
  expect(JSON.stringify(alone)).toBe(
    '[{"role":"system","content":"Be kind."},{"role":"user","content":"[Bob]: Hm.\\n"},{"role":"assistant","content":"answer t1"},' +
      '{"role":"user","content":"And the price?"}]',
  );
  expect(sharedRoomOf({ room: undefined, request, history })).toBeUndefined();
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { applyFrame, createView, type EventFrame, type SnapshotFrame } from "@parley/protocol";
import { compacted, conversation_id, framesOf, history } from "../../libs/protocol/test/histories.ts";

// The page is plain JavaScript without types: this is what the test needs to know of it.
interface PageState {
  readonly cursor: number;
  readonly turns: ReadonlyMap<string, PageTurn>;
}
interface PageTurn {
  readonly text: string;
  readonly tools: ReadonlyMap<string, object>;
  readonly question: string | undefined;
  readonly outcome: { readonly response: string } | undefined;
}
interface PageFold {
  readonly createState: () => PageState;
  readonly applyFrame: (state: PageState, frame: EventFrame | SnapshotFrame) => boolean;
}
const source = new URL("../../services/edge/pages/conversation-state.js", import.meta.url).href;
const page: PageFold = await import(source);

function shownByPage(frames: readonly (EventFrame | SnapshotFrame)[]): unknown {
  const state = page.createState();
  for (const frame of frames) page.applyFrame(state, frame);
  const turns = [...state.turns].map(([id, { text, tools, question, outcome }]) => ({
    ...{ id, text, question },
    tools: [...tools.values()],
    response: outcome?.response,
  }));
  return { cursor: state.cursor, turns };
}

function shownByProtocol(frames: readonly (EventFrame | SnapshotFrame)[]): unknown {
  const view = createView(conversation_id);
  for (const frame of frames) applyFrame(view, frame);
  const turns = [...view.turns].map(([id, { text, tool_calls, message, outcome }]) => ({
    ...{ id, text, question: message?.message },
    tools: [...tool_calls.values()],
    response: outcome?.response,
  }));
  return { cursor: view.seq, turns };
}

test("the test page shows of any history what the protocol's own fold has", () => {
  const cut = fc.tuple(fc.nat(60), fc.nat(60));
  fc.assert(
    fc.property(history, cut, (events, [a, b]) => {
      const [from, to] = [Math.min(a, b, events.length), Math.min(Math.max(a, b), events.length)];
      const frames = [
        ...framesOf(events.slice(0, from)),
        ...compacted(events, from, to),
        ...framesOf(events.slice(Math.max(0, to - 2))),
      ];
      expect(shownByPage(frames)).toEqual(shownByProtocol(frames));
    }),
    { numRuns: 300 },
  );
});

interface PageChat {
  readonly cursor: () => number;
  readonly turns: () => readonly { readonly id: string; readonly text: string }[];
  readonly resume: () => void;
  readonly handle: (frame: object) => void;
}
interface PageChats {
  readonly createChat: (options: object) => PageChat;
}
const chats: PageChats = await import(new URL("../../services/edge/pages/chat.js", import.meta.url).href);

test("the test page begins anew when the server does not know its cursor, and not when it does", () => {
  const sent: object[] = [];
  const ignore = (): void => undefined;
  const link = { send: (frame: object) => sent.push(frame) };
  const listeners = { onChange: ignore, onResumed: ignore, onProblem: ignore };
  const chat = chats.createChat({ id: conversation_id, link, mayExist: true, ...listeners });
  const token = (seq: number, text: string) =>
    chat.handle({ type: "token", conversation_id, seq, turn_id: "t1", attempt: 1, n: seq, token: text });
  const subscribed = (seq: number) => chat.handle({ type: "subscribed", conversation_id, mode: "snapshot", seq });
  token(1_000, "old");
  chat.resume();
  subscribed(1_000);
  expect(chat.turns()).toMatchObject([{ text: "old" }]);
  chat.resume();
  subscribed(9);
  expect([chat.cursor(), chat.turns()]).toEqual([0, []]);
  token(10, "new");
  expect(sent).toMatchObject([{ after: 1_000 }, { after: 1_000 }]);
  expect([chat.cursor(), chat.turns()]).toMatchObject([10, [{ text: "new" }]]);
  subscribed(0);
  expect([chat.cursor(), chat.turns()]).toEqual([0, []]);
});

test("the test page drops a conversation that was deleted, and still looks at it", () => {
  const sent: object[] = [];
  const ignore = (): void => undefined;
  const link = { send: (frame: object) => sent.push(frame) };
  const listeners = { onChange: ignore, onResumed: ignore, onProblem: ignore };
  const chat = chats.createChat({ id: conversation_id, link, mayExist: true, ...listeners });
  chat.handle({ type: "token", conversation_id, seq: 5, turn_id: "t1", attempt: 1, n: 1, token: "gone" });
  // The notice comes before the answer to its subscription.
  chat.resume();
  chat.handle({ type: "error", code: "NOT_FOUND", error: "Deleted.", frame: "delete", conversation_id });
  expect([chat.cursor(), chat.turns()]).toEqual([0, []]);
  chat.resume();
  expect(sent).toEqual([
    { type: "subscribe", conversation_id, after: 5 },
    { type: "subscribe", conversation_id },
  ]);
});

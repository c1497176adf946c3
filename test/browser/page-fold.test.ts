import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createView,
  foldFrame,
  textOf,
  turn as turnIn,
  type EventFrame,
  type Part,
  type SnapshotFrame,
} from "@parley/protocol";
import { compacted, conversation_id, framesOf, history } from "../../libs/protocol/test/histories.ts";

// The page is plain JavaScript without types: this is what the test needs to know of it.
interface PageTurn {
  readonly id: string;
  readonly question: string | undefined;
  readonly parts: readonly Part[];
  readonly status: string;
  readonly outcome: { readonly response: string } | undefined;
}
interface PageState {
  readonly view: { readonly seq: number };
}
interface PageFold {
  readonly createState: (conversation: string) => PageState;
  readonly fold: (state: PageState, frame: EventFrame | SnapshotFrame) => boolean;
  readonly shownTurns: (state: PageState) => readonly PageTurn[];
}
const source = new URL("../../services/edge/pages/conversation-state.js", import.meta.url).href;
const page: PageFold = await import(source);

test("the test page shows of any history all that a view has, turn by turn", () => {
  const cut = fc.tuple(fc.nat(60), fc.nat(60));
  fc.assert(
    fc.property(history, cut, (events, [a, b]) => {
      const [from, to] = [Math.min(a, b, events.length), Math.min(Math.max(a, b), events.length)];
      const frames = [
        ...framesOf(events.slice(0, from)),
        ...compacted(events, from, to),
        ...framesOf(events.slice(Math.max(0, to - 2))),
      ];
      const state = page.createState(conversation_id);
      for (const frame of frames) page.fold(state, frame);
      const view = frames.reduce(foldFrame, createView(conversation_id));
      expect(state.view.seq).toBe(view.seq);
      const shown = page.shownTurns(state);
      expect(shown.map(({ id }) => id)).toEqual(expect.arrayContaining(view.turns.map(({ turn_id }) => turn_id)));
      for (const { id, question, parts, outcome } of shown) {
        const turn = turnIn(view, id);
        expect({ question, parts, response: outcome?.response }).toEqual({
          question: turn?.message?.message,
          parts: turn?.parts ?? [],
          response: turn?.outcome?.response,
        });
      }
    }),
    { numRuns: 300 },
  );
});

test("the test page puts what a transcript tells in the transcript's order, and its own turns around it", () => {
  const state = page.createState(conversation_id);
  const common = { conversation_id, ts: 0 };
  const said = (seq: number, turn_id: string): EventFrame => {
    const author = { role: "user" as const };
    return {
      type: "message",
      ...common,
      seq,
      turn_id,
      message_id: `${turn_id}-u`,
      id: turn_id,
      author,
      message: turn_id,
    };
  };
  const stored = (turn_id: string, role: "user" | "assistant") => {
    const message_id = `${turn_id}-${role === "user" ? "u" : "a"}`;
    return { message_id, turn_id, author: { role }, message: turn_id, status: "complete" as const, ts: 0 };
  };
  const messages = [stored("t2", "user"), stored("t2", "assistant"), stored("t3", "user")];
  page.fold(state, said(1, "t1"));
  page.fold(state, { type: "snapshot", ...common, seq: 5, messages, status: "idle" });
  page.fold(state, said(6, "t4"));
  expect(page.shownTurns(state).map(({ id, status }) => [id, status])).toEqual([
    ["t1", "queued"],
    ["t2", "complete"],
    ["t3", "queued"],
    ["t4", "queued"],
  ]);
});

interface PageChat {
  readonly cursor: () => number;
  readonly turns: () => readonly PageTurn[];
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
  expect(chat.turns().map(textOf)).toEqual(["old"]);
  chat.resume();
  subscribed(9);
  expect([chat.cursor(), chat.turns()]).toEqual([0, []]);
  token(10, "new");
  expect(sent).toMatchObject([{ after: 1_000 }, { after: 1_000 }]);
  expect([chat.cursor(), chat.turns().map(textOf)]).toEqual([10, ["new"]]);
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

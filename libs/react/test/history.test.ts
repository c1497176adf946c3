import { createView, foldFrame, messages, textOf, type ConversationView } from "@parley/protocol/fold";
import type { EventFrame, SnapshotFrame } from "@parley/protocol";
import { expect, test } from "vitest";
import { createHistory, type HistoryPage, type LoadPage } from "../src/history.ts";
import { completed, refused, said, snapshot, stored, token } from "./frames.ts";

const refusal = undefined;
const turns = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `t${from + at}`);

function folded(...frames: readonly (EventFrame | SnapshotFrame)[]): ConversationView {
  return frames.reduce(foldFrame, createView("c1"));
}

/** The stored turns 1 to `count`, so many a page, and what was asked for. */
function transcript(count: number, perPage = 3) {
  const asked: (string | undefined)[] = [];
  const loadPage: LoadPage = async (before) => {
    asked.push(before);
    const to = before === undefined ? count : Number(before);
    const from = Math.max(1, to - perPage + 1);
    const page = { messages: turns(from, to).flatMap(stored) };
    return from === 1 ? page : { ...page, before: String(from - 1) };
  };
  return { loadPage, asked };
}

const all = (count: number) => turns(1, count).flatMap((turn) => [`${turn}?`, `${turn}!`]);

function shown(history: ReturnType<typeof createHistory>, view: ConversationView): string[] {
  return [...history.getState().older, ...messages(view)].map(({ parts }) => textOf(parts));
}

test("older pages stand before the view without a gap or a repeat, to the beginning", async () => {
  const view = folded(snapshot(9, ...turns(8, 10)));
  const { loadPage, asked } = transcript(10);
  const history = createHistory("c1");
  history.look({ view, refusal });
  while (history.getState().hasMore) await history.loadOlder(loadPage);
  expect(shown(history, view)).toEqual(all(10));
  // The newest page is all of it in the view: it is not what anybody asked for, so the next one follows at once.
  expect(asked).toEqual([undefined, "7", "4", "1"]);
});

test("what was answered while a page was on its way is not shown twice", async () => {
  const history = createHistory("c1");
  history.look({ view: folded(snapshot(9, ...turns(5, 6))), refusal });
  const later = folded(snapshot(9, ...turns(5, 6)), said(10, "t7", "t7?"), completed(11, "t7", "t7!"));
  await history.loadOlder(async () => {
    history.look({ view: later, refusal });
    return { messages: turns(3, 7).flatMap(stored), before: "2" };
  });
  expect(shown(history, later)).toEqual(all(7).slice(4));
});

test("a snapshot that begins later leaves what stood before it here", async () => {
  const history = createHistory("c1");
  history.look({ view: folded(snapshot(9, ...turns(4, 6))), refusal });
  const { loadPage } = transcript(9);
  const later = folded(snapshot(20, ...turns(6, 9)));
  history.look({ view: folded(), refusal });
  history.look({ view: later, refusal });
  expect(shown(history, later)).toEqual(all(9).slice(6));
  while (history.getState().hasMore) await history.loadOlder(loadPage);
  expect(shown(history, later)).toEqual(all(9));
});

test("after a snapshot that has nothing of what was shown pages begin at the newest again", async () => {
  const history = createHistory("c1");
  history.look({ view: folded(snapshot(9, ...turns(4, 6))), refusal });
  await history.loadOlder(transcript(6, 4).loadPage);
  const later = folded(snapshot(90, ...turns(18, 20)));
  history.look({ view: later, refusal });
  expect(shown(history, later)).toEqual(all(20).slice(34));
  const { loadPage } = transcript(20);
  while (history.getState().hasMore) await history.loadOlder(loadPage);
  expect(shown(history, later)).toEqual(all(20));
});

test("a page that was asked for before such a snapshot is dropped", async () => {
  const history = createHistory("c1");
  history.look({ view: folded(snapshot(9, ...turns(4, 6))), refusal });
  const later = folded(snapshot(90, ...turns(18, 20)));
  let answer: (page: HistoryPage) => void = () => undefined;
  const loading = history.loadOlder(() => new Promise((resolve) => void (answer = resolve)));
  history.look({ view: later, refusal });
  answer({ messages: turns(1, 6).flatMap(stored) });
  await loading;
  expect(history.getState()).toMatchObject({ older: [], hasMore: true, isLoading: false });
});

test("a conversation that was deleted has no older messages", async () => {
  const history = createHistory("c1");
  history.look({ view: folded(snapshot(9, ...turns(4, 6))), refusal });
  await history.loadOlder(transcript(6, 6).loadPage);
  const error = refused("NOT_FOUND", "delete");
  if (error.type !== "error" || "turn_id" in error) throw new Error("It is no refusal.");
  history.look({ view: folded(), refusal: error });
  expect(history.getState().older).toEqual([]);
});

test("a page that comes before the view is not repeated by it", async () => {
  const history = createHistory("c1");
  await history.loadOlder(transcript(6).loadPage);
  const view = folded(snapshot(9, ...turns(5, 6)));
  history.look({ view, refusal });
  expect(shown(history, view)).toEqual(all(6).slice(6));
});

test("a page that fails can be asked for again, and one at a time is on its way", async () => {
  const history = createHistory("c1");
  history.look({ view: folded(snapshot(9, ...turns(4, 6))), refusal });
  await history.loadOlder(() => Promise.reject(new Error("away")));
  expect(history.getState()).toMatchObject({ error: new Error("away"), isLoading: false, hasMore: true, older: [] });
  const { loadPage, asked } = transcript(6);
  await Promise.all([history.loadOlder(loadPage), history.loadOlder(loadPage)]);
  expect(asked).toEqual([undefined, "3"]);
  expect(history.getState()).toMatchObject({ error: undefined, hasMore: false });
});

test("a token costs nothing here: the list stays the same", async () => {
  const history = createHistory("c1");
  history.look({ view: folded(snapshot(9, ...turns(4, 6))), refusal });
  await history.loadOlder(transcript(6, 6).loadPage);
  const { older } = history.getState();
  history.look({ view: folded(snapshot(9, ...turns(4, 6)), token(10, "t7", "a")), refusal });
  expect(history.getState().older).toBe(older);
});

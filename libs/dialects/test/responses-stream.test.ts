import {
  createTurnView,
  foldEvent,
  isReasoning,
  isText,
  isVisible,
  type StoredEvent,
  type TurnView,
} from "@parley/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { history } from "../../protocol/test/histories.ts";
import { historyOf } from "../src/responses/dialect.ts";
import { piecesOf } from "../src/turn/pieces.ts";
import { about, folded, streamOf, textOfItem, type Event, type Seen } from "./responses-client.ts";

const texts = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 80 }),
  fc.array(fc.constantFrom("a", " ", "\n", "word", "😀", "長い"), { maxLength: 60 }).map((parts) => parts.join("")),
  fc.nat(40_000).map((length) => "lorem ipsum ".repeat(4_000).slice(0, length)),
);

describe("the pieces of a text", () => {
  test("are the same however it grows, and the text itself", () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(200), { minLength: 1 }), (text, growths) => {
        const pieces: string[] = [];
        const length = () => pieces.join("").length;
        for (let at = 0, i = 0; at < text.length; i++) {
          at += 1 + (growths[i % growths.length] ?? 0);
          pieces.push(...piecesOf(text.slice(0, at), length(), false));
        }
        pieces.push(...piecesOf(text, length(), true));
        expect(pieces).toEqual([...piecesOf(text, 0, true)]);
        expect(pieces.join("")).toBe(text);
        expect(pieces.every((piece) => piece !== "" && piece.isWellFormed() === text.isWellFormed())).toBe(true);
      }),
    );
  });

  test("are words, so that nobody waits for more than one", () => {
    expect([...piecesOf("Hello, dear world ", 0, false)]).toEqual(["Hello,", " dear", " world"]);
    expect([...piecesOf("Donaudampfschifffahrt", 0, false)]).toEqual(["Donaudampfsc"]);
  });
});

/** The events of the first turn of a history. */
const turnEvents = history.map((stored): StoredEvent[] =>
  stored.map(({ event }) => event).filter(({ turn_id }) => turn_id === "t0"),
);

function viewsOf(events: readonly StoredEvent[]): Seen[] {
  let view = createTurnView("t0");
  return events
    .filter(({ type }) => isVisible(type))
    .map((event) => {
      view = foldEvent(view, event);
      return { view, noted: event.type === "tool_call_progress" ? event : undefined };
    });
}

/** Some of the views never come: a snapshot stands for them. The last one does. */
function some(views: readonly Seen[], keep: readonly boolean[]): Seen[] {
  return views.filter((_, index) => index === views.length - 1 || keep[index % keep.length]);
}

const keeping = fc.array(fc.boolean(), { minLength: 1, maxLength: 24 });

function spokenTexts(view: TurnView | undefined): string[] {
  return (view?.parts ?? []).flatMap((part) => (isText(part) || isReasoning(part) ? [part.text] : []));
}

/** Each item of the answer is there, and its deltas are its text. */
function expectWhole(events: readonly Event[], view: TurnView | undefined): void {
  const { texts: byItem, final } = folded(events);
  expect(final).toBeDefined();
  const items = (final?.output ?? []).filter(({ type }) => type === "message" || type === "reasoning");
  expect(items.map(textOfItem)).toEqual(spokenTexts(view));
  for (const item of items) expect(byItem.get(item.id)).toBe(textOfItem(item));
}

/** What an event says, without how its item ended: of a text that was closed before its turn was stopped that is told otherwise than behind it. */
function saying({ type, delta, text, output_index, item }: Event) {
  return { type, delta, text, output_index, id: item?.id };
}

describe("a stream of a response", () => {
  test("ends with the whole answer, whatever views it gets", () => {
    fc.assert(
      fc.property(turnEvents, keeping, (events, keep) => {
        const views = some(viewsOf(events), keep);
        const { events: told, isDone } = streamOf(views);
        const isOver = views.at(-1)?.view.outcome !== undefined;
        expect(isDone).toBe(isOver);
        if (isOver) expectWhole(told, views.at(-1)?.view);
      }),
    );
  });

  test("gives the same events the same numbers as every other, up to where the answer began anew", () => {
    fc.assert(
      fc.property(turnEvents, keeping, keeping, (events, keep, others) => {
        const views = viewsOf(events);
        const doubtfulFrom = historyOf({ conversation_id: "c_1", turn_id: "t0" }, events, about)?.doubtfulFrom ?? 0;
        const [one, other] = [streamOf(some(views, keep)).events, streamOf(some(views, others)).events];
        const sure = Math.min(doubtfulFrom, one.length, other.length);
        expect(one.slice(0, sure).map(saying)).toEqual(other.slice(0, sure).map(saying));
        const isWhole = doubtfulFrom === Infinity && views.at(-1)?.view.outcome !== undefined;
        expect(isWhole && one.length !== other.length).toBe(false);
      }),
    );
  });

  test("that was cut goes on from any of its events without a loss or a repeat, or is refused", () => {
    let resumed = 0;
    fc.assert(
      fc.property(turnEvents, keeping, keeping, fc.nat(), fc.nat(), (events, keep, later, cut, look) => {
        const views = viewsOf(events);
        if (views.at(-1)?.view.outcome === undefined || views.length < 2) return;
        // It saw some of the views up to a place, got some of what they say, and asks again at the same or a later one.
        const seen = 1 + (cut % (views.length - 1));
        const before = streamOf(some(views.slice(0, seen), keep)).events;
        const got = before.slice(0, 1 + (look % before.length));
        const asked = seen + (look % (views.length - seen + 1));
        const isShown = (event: StoredEvent) => isVisible(event.type);
        const until = events.findIndex((_, at) => events.slice(0, at + 1).filter(isShown).length === asked) + 1;
        const known = historyOf({ conversation_id: "c_1", turn_id: "t0" }, events.slice(0, until), about);
        const after = got.length - 1;
        if (known === undefined || after >= known.doubtfulFrom) return;
        expect(after).toBeLessThan(known.length);
        // What it is given then may be behind what was read for it.
        const from = Math.max(0, asked - 1 - (cut % 3));
        const rest = streamOf(some(views.slice(from), later), { ...about, from: { history: known, after } });
        expect(rest.isDone).toBe(true);
        expectWhole([...got, ...rest.events], views.at(-1)?.view);
        resumed++;
      }),
      { numRuns: 500 },
    );
    expect(resumed).toBeGreaterThan(50);
  });

  test("goes on whole where the answer begins anew for the second time", () => {
    const stored = { conversation_id: "c1", turn_id: "t0", ts: 0 } as const;
    const first = { ...stored, attempt: 1 };
    const [second, third] = [2, 3].map((attempt) => ({ ...stored, attempt }));
    const author = { role: "user" };
    const end = { message_id: "t0-a", tool_calls: [], usage: { input_tokens: 1, output_tokens: 1 }, metadata: {} };
    const events = [
      { type: "message", ...stored, message_id: "t0-u", id: "m", author, message: "?" },
      { type: "claimed", ...first, n: 0, worker: "w" },
      { type: "token", ...first, n: 1, token: "first " },
      { type: "claimed", ...second, n: 0, worker: "w" },
      { type: "turn_restarted", ...second, n: 1, text: "" },
      { type: "reasoning", ...second, n: 2, token: "thought" },
      { type: "token", ...second, n: 3, token: "second answer" },
      { type: "claimed", ...third, n: 0, worker: "w" },
      { type: "turn_restarted", ...third, n: 1, text: "second" },
      { type: "complete", ...third, n: 2, response: "second", ...end },
    ] as StoredEvent[];
    const views = viewsOf(events);
    const got = streamOf(views.slice(0, 4)).events.slice(0, 3);
    const known = historyOf({ conversation_id: "c_1", turn_id: "t0" }, events.slice(0, 9), about);
    if (known === undefined) throw new Error("the turn has a history");
    const rest = streamOf(views.slice(4), { ...about, from: { history: known, after: got.length - 1 } });
    expectWhole([...got, ...rest.events], views.at(-1)?.view);
  });
});

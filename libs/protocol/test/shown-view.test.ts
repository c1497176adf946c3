import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createView,
  foldFrame,
  messages,
  queue,
  type ConversationView,
  type EventFrame,
  type SnapshotFrame,
} from "@parley/protocol";
import { compacted, conversation_id, framesOf, history } from "./histories.ts";

/** A view that nobody has looked at: what is shown of it goes on from nothing. */
function unseen(view: ConversationView): ConversationView {
  return { ...view, turns: [...view.turns], transcript: [...view.transcript] };
}

function expectAsUnseen(view: ConversationView): void {
  expect(messages(view)).toEqual(messages(unseen(view)));
  expect(queue(view)).toEqual(queue(unseen(view)));
}

test("what is shown after each frame is what would be shown of the view alone", () => {
  fc.assert(
    fc.property(history, fc.nat(50), fc.nat(50), (events, from, length) => {
      for (const frames of [framesOf(events), compacted(events, from, from + length)]) {
        let view = createView(conversation_id);
        for (const frame of frames) {
          view = foldFrame(view, frame);
          expectAsUnseen(view);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("two views that went on from the same one do not show what the other has", () => {
  fc.assert(
    fc.property(history, history, (one, other) => {
      const first = createView(conversation_id);
      let views = [first, first];
      const lists = [one, other].map((events) => framesOf(events));
      for (let at = 0; at < Math.max(one.length, other.length); at++) {
        views = views.map((view, which) => foldAll(view, lists[which]?.slice(at, at + 1) ?? []));
        views.forEach(expectAsUnseen);
      }
    }),
    { numRuns: 20 },
  );
});

function foldAll(view: ConversationView, frames: readonly (EventFrame | SnapshotFrame)[]): ConversationView {
  return frames.reduce(foldFrame, view);
}

const common = { conversation_id, ts: 0 };

test("in a conversation of 10,000 messages a token costs a small part of what showing all of it costs", () => {
  const stored = Array.from({ length: 10_000 }, (_, at) => {
    const role = at % 2 === 0 ? ("user" as const) : ("assistant" as const);
    const turn_id = `t${Math.floor(at / 2)}`;
    return { message_id: `${turn_id}-${role}`, turn_id, author: { role }, message: "a", status: "complete", ts: 0 };
  });
  let view = foldFrame(createView(conversation_id), {
    ...{ type: "snapshot", ...common, seq: 1, messages: stored, status: "idle" },
  });
  messages(view);
  const [whole, each]: [number[], number[]] = [[], []];
  for (let seq = 2; seq < 11; seq++) {
    view = foldFrame(view, { type: "token", ...common, seq, turn_id: "new", attempt: 1, n: seq, token: "a" });
    each.push(timeOf(() => [messages(view), queue(view)]));
    whole.push(timeOf(() => [messages(unseen(view)), queue(unseen(view))]));
  }
  expect(messages(view).length).toBe(10_001);
  expect(median(each)).toBeLessThan(median(whole) / 4);
});

function timeOf(work: () => unknown): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}

function median(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? Infinity;
}

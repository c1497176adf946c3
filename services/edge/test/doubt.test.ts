import { changedMessage, type VisibleEvent } from "@parley/dialects";
import type { StoredEvent } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { deliveryLimits } from "../src/delivery/delivery-limits.ts";
import { doubtOf, type Doubt } from "../src/hub/doubt.ts";
import { asked, complete, decided, message, toolEnd, token, visible } from "./support/conversation-history.ts";

const { overtakingEvents, overtakingSeqs } = deliveryLimits;

/** Events with rising sequences from 1,001 on; the cursor is the last one's. */
function doubtAfter(events: readonly StoredEvent[], floor = 0): Doubt {
  const known = events.map((event, i) => visible(1_001 + i, event));
  return doubtOf({ floor, events: known, sure: 0 }, known.at(-1)?.seq ?? 0);
}

function tokens(count: number, turn = "t"): StoredEvent[] {
  return Array.from({ length: count }, (_, i) => token(turn, `${i}`));
}

const at = visible;
const title = (seq: number): VisibleEvent => ({ ...visible(seq, message("")), turn: "", type: "title" });
const own = (seq: number, type: string): VisibleEvent => ({ ...title(seq), type });
const changed = (seq: number, turn: string): VisibleEvent => ({ ...visible(seq, message(turn)), type: changedMessage });

describe("a client that comes back with the cursor of an event", () => {
  it.each<[string, readonly StoredEvent[]]>([
    ["the message that waits", [token("t", "a"), message("next"), token("t", "b")]],
    ["the end of a turn that was cancelled while it waited", [token("t", "a"), complete("next", "-"), token("t", "b")]],
    ["what was decided before the end", [message("t"), decided("t", "k"), token("t", "a"), complete("t", "a")]],
    ["a tool's result before the end", [message("t"), token("t", "a"), toolEnd("t", "k"), complete("t", "a")]],
    [
      "a tool's result of the turn before",
      [token("t", "a"), toolEnd("t", "k"), complete("t", "a"), token("next", "b")],
    ],
    ["the end before the message", [token("t", "a"), complete("t", "a"), message("next")]],
    ["the end before what was cancelled while it waited", [token("t", "a"), complete("t", "a"), complete("next", "-")]],
    ["what came before the message that waits", [token("t", "a"), message("next")]],
    [
      "its turn's message, which was stored only after the answer had begun",
      [token("t", "a"), message("t"), token("t", "b")],
    ],
    ["the end before a result that came too late", [token("t", "a"), complete("t", "a"), toolEnd("t", "k")]],
  ])("may lack %s", (_what, events) => {
    expect(doubtAfter(events)).toBe("whole");
  });

  it.each<[string, readonly StoredEvent[]]>([
    ["the result of a tool", [message("t"), token("t", "a"), toolEnd("t", "k"), token("t", "b")]],
    ["another tool's result", [toolEnd("t", "k"), toolEnd("t", "l")]],
    ["the words before a tool's result", [message("t"), token("t", "a"), toolEnd("t", "k")]],
    ["the beginning of its answer", [token("t", "a"), message("t")]],
    ["what is asked of a person", [message("t"), token("t", "a"), asked("t", "k"), token("t", "b")]],
    ["what was decided", [message("t"), token("t", "a"), decided("t", "k"), token("t", "b")]],
    ["the words before what is asked", [message("t"), token("t", "a"), asked("t", "k")]],
  ])("may lack %s, which a snapshot of the turn has", (_what, events) => {
    expect(doubtAfter(events)).toEqual({ ofTurn: "t" });
  });

  it("lacks nothing of one chain, whose events do not overtake each other, nor of what comes before it", () => {
    expect(doubtAfter(tokens(5))).toBe("clear");
    expect(doubtAfter([message("t")])).toBe("clear");
    expect(doubtAfter([message("t"), token("t", "a")])).toBe("clear");
    expect(doubtAfter([message("t"), token("t", "a"), complete("t", "a")])).toBe("clear");
    expect(doubtAfter([token("t", "a"), complete("t", "a"), message("next"), token("next", "b")])).toBe("clear");
    expect(doubtAfter([token("t", "a"), message("next"), complete("t", "a"), token("next", "b")])).toBe("clear");
  });

  it("lacks nothing that is too far back, in events or in sequences", () => {
    expect(doubtAfter([message("next"), ...tokens(overtakingEvents)])).toBe("clear");
    expect(doubtAfter([message("next"), ...tokens(overtakingEvents - 1)])).toBe("whole");
    const far = [visible(10, message("next")), visible(10 + overtakingSeqs, token("t", "a"))];
    expect(doubtOf({ floor: 0, events: far, sure: 0 }, 10 + overtakingSeqs)).toBe("clear");
  });

  it.each<[string, readonly VisibleEvent[]]>([
    ["a title beside its turn", [at(1, message("t")), title(2), at(3, token("t", "a"))]],
    ["the end before a title", [at(1, message("t")), at(2, token("t", "a")), at(3, complete("t", "a")), title(4)]],
    ["a message that waits before a title", [at(1, message("t")), title(2)]],
    ["the new text of its message", [at(1, message("t")), changed(2, "t"), at(3, token("t", "a"))]],
    ["the new text of another one", [at(1, message("o")), changed(2, "o"), at(3, token("t", "a"))]],
    [
      "the end of one that was changed and cancelled while it waited",
      [changed(1, "o"), at(2, complete("o", "-")), at(3, message("t")), at(4, token("t", "a"))],
    ],
    ["the answer beside which another message was changed", [at(1, token("t", "a")), changed(2, "o")]],
    ["who came before a post", [own(1, "member"), own(2, "post")]],
    ["a post before a title", [own(1, "post"), title(2)]],
    ["another message's change", [own(1, "message_edited"), own(2, "message_edited")]],
    ["a reaction after a post", [own(1, "reaction"), own(2, "post")]],
  ])("may lack %s", (_what, events) => {
    expect(doubtOf({ floor: 0, events, sure: 0 }, events.at(-1)!.seq)).toBe("whole");
  });

  it("lacks nothing of one subject of the conversation, nor the message before its new text", () => {
    expect(doubtOf({ floor: 0, events: [title(1), title(2)], sure: 0 }, 2)).toBe("clear");
    expect(doubtOf({ floor: 0, events: [own(1, "post"), own(2, "post")], sure: 0 }, 2)).toBe("clear");
    expect(doubtOf({ floor: 0, events: [own(1, "member"), own(2, "pin")], sure: 0 }, 2)).toBe("clear");
    expect(doubtOf({ floor: 0, events: [at(1, message("t")), changed(2, "t")], sure: 0 }, 2)).toBe("clear");
  });

  it("is not known by a hub that has too little of what came before", () => {
    expect(doubtAfter(tokens(5), 1_000)).toBe("unknown");
    expect(doubtAfter(tokens(overtakingEvents), 1_000)).toBe("clear");
    expect(doubtOf({ floor: 50, events: [], sure: 50 }, 50)).toBe("unknown");
  });
});

describe("a client that comes back with another cursor", () => {
  const events = [visible(11, message("t")), visible(13, token("t", "a"))];

  it("has that of a snapshot, and lacks nothing", () => {
    for (const cursor of [0, 12, 14]) expect(doubtOf({ floor: 0, events, sure: 14 }, cursor)).toBe("clear");
  });

  it("may have that of an event which has not come here yet", () => {
    for (const cursor of [12, 14]) expect(doubtOf({ floor: 0, events, sure: 11 }, cursor)).toBe("unknown");
  });
});

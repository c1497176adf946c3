import { createTurnSteps, type NotedEvent, type TurnSpeech } from "@parley/dialects";
import { createView, foldFrame, turn, type EventFrame, type SnapshotFrame } from "@parley/protocol";
import { describe, expect, it } from "vitest";
import { cases, expectFrames, knownFrames, type Case } from "./cases.ts";
import { speeches } from "./speeches.ts";

/** What a client of the protocol gets: the data of each server-sent event, and how its stream ends. */
function saidOf(speech: TurnSpeech, one: Case) {
  const steps = createTurnSteps(speech.steps);
  const place = { conversation_id: "c_case", turn_id: one.turn_id };
  const lines: unknown[] = [];
  let next = "more";
  let view = createView(place.conversation_id);
  for (const frame of knownFrames(one)) {
    view = foldFrame(view, frame);
    const seen = turn(view, one.turn_id);
    if (seen === undefined || next !== "more") continue;
    const said = speech.say(steps.advance(seen, notedIn(frame)), place);
    next = said.next;
    lines.push(...dataIn(Buffer.concat(said.bytes).toString()));
  }
  return { lines, next };
}

function notedIn(frame: EventFrame | SnapshotFrame): NotedEvent | undefined {
  const isNoted = frame.type === "thinking" || frame.type === "progress" || frame.type === "tool_call_progress";
  return isNoted ? frame : undefined;
}

function dataIn(stream: string): unknown[] {
  return [...stream.matchAll(/^data: ([^\n]*)$/gm)].map(([, data = ""]) =>
    data === "[DONE]" ? data : JSON.parse(data),
  );
}

describe.each(Object.entries(speeches))("%s", (dialect, create) => {
  it.each(cases)("says what the case says: %s", (name, one) => {
    const said = saidOf(create(), one);
    // A stream goes on only where nobody has decided yet; and else it does not just end.
    expect(one.view?.status === "waiting" || said.next !== "more").toBe(true);
    expectFrames(dialect, name, [...said.lines, { next: said.next }]);
  });
});

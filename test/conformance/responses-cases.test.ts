import { createResponsesSpeech, createTurnSteps } from "@parley/dialects";
import { createView, foldFrame, turn } from "@parley/protocol";
import { expect, it } from "vitest";
import { cases, expectFrames, knownFrames, type Case } from "./cases.ts";

const known = { createdMs: 1_780_000_000_000, model: "parley", previous: null, background: false, metadata: {} };

/** What a client gets of the response up to where people are asked, and of what follows, if anything does. */
function saidOf(one: Case, segment: number) {
  const speech = createResponsesSpeech({ ...known, segment });
  const steps = createTurnSteps(speech.steps);
  const place = { conversation_id: "c_case", turn_id: one.turn_id };
  const lines: unknown[] = [];
  let next = "more";
  let view = createView(place.conversation_id);
  for (const frame of knownFrames(one)) {
    view = foldFrame(view, frame);
    const seen = turn(view, one.turn_id);
    if (seen === undefined || next !== "more") continue;
    const noted = frame.type === "tool_call_progress" ? frame : undefined;
    const said = speech.say(steps.advance(seen, noted), place);
    next = said.next;
    lines.push(
      ...Buffer.concat(said.bytes)
        .toString()
        .split("\n\n")
        .filter((line) => line !== "")
        .map(lineOf),
    );
  }
  return { lines, next };
}

function lineOf(line: string): unknown {
  const data = line.slice(line.indexOf("data: ") + "data: ".length);
  return data === "[DONE]" ? data : JSON.parse(data);
}

it.each(cases)("responses say what the case says: %s", (name, one) => {
  const [first, second] = [saidOf(one, 0), saidOf(one, 1)];
  expect(first.next === "end").toBe(first.lines.at(-1) === "[DONE]");
  expectFrames("responses", name, { first, ...(name.startsWith("approval") ? { second } : {}) });
});

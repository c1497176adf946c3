import { createChatCompletionsSpeech, createTurnSteps } from "@parley/dialects";
import { createView, foldFrame, turn } from "@parley/protocol";
import { expect, it } from "vitest";
import { cases, expectFrames, knownFrames, type Case } from "./cases.ts";

const speechOf = () =>
  createChatCompletionsSpeech({ model: "parley", createdS: 1_780_000_000, hasUsage: true, hasReasoning: true });

/** What a client gets that asks for all there is: lines of the stream, and how it ends. */
function saidOf(one: Case) {
  const speech = speechOf();
  const steps = createTurnSteps(speech.steps);
  const place = { conversation_id: "c_case", turn_id: one.turn_id };
  const lines: unknown[] = [];
  let next = "more";
  let view = createView(place.conversation_id);
  for (const frame of knownFrames(one)) {
    view = foldFrame(view, frame);
    const seen = turn(view, one.turn_id);
    if (seen === undefined || next !== "more") continue;
    const said = speech.say(steps.advance(seen), place);
    next = said.next;
    const text = Buffer.concat(said.bytes).toString();
    lines.push(
      ...text
        .split("\n\n")
        .filter((line) => line !== "")
        .map(lineOf),
    );
  }
  return { lines, next };
}

function lineOf(line: string): unknown {
  const data = line.replace(/^data: /, "");
  return data === "[DONE]" ? data : JSON.parse(data);
}

it.each(cases)("chat completions say what the case says: %s", (name, one) => {
  const said = saidOf(one);
  expect(said.next === "end").toBe(said.lines.at(-1) === "[DONE]");
  expectFrames("chat-completions", name, said);
});

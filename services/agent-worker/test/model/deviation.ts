import type { ModelEvent } from "../../src/model/model.ts";

/** What comes of an answer: what a viewer and the next parts see of it. */
export interface Outcome {
  text: string;
  reasoning: string;
  finish: string;
  calls: [string, string][];
}

/** Folds events as the worker does. */
export function outcomeOf(events: readonly ModelEvent[]): Outcome {
  const outcome: Outcome = { text: "", reasoning: "", finish: "", calls: [] };
  for (const event of events) {
    if (event.type === "text") outcome.text += event.text;
    if (event.type === "reasoning") outcome.reasoning += event.text;
    if (event.type === "retract") {
      outcome.reasoning += outcome.text;
      outcome.text = "";
    }
    if (event.type === "tool_calls") outcome.calls = event.calls.map((call) => [call.name, call.arguments]);
    if (event.type === "end") outcome.finish = event.finish;
  }
  return outcome;
}

export const choice = (delta: unknown, finish: unknown = null, more: object = {}) => ({
  choices: [{ index: 0, delta, finish_reason: finish, ...more }],
});
export const stop = choice({}, "stop");
export const said = (content: unknown) => [choice({ content }), stop];
export type Deviation = [name: string, chunks: unknown[], outcome: Partial<Outcome>];

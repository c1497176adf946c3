import { jsonObjectLength } from "./control.ts";

export type PlannedCall = { name: string; argumentsJson: string };

const MAX_CALLS = 32;
const CALL =
  /\b(then\s+)?call\s+(?:the\s+)?tool\s+[`"']?([A-Za-z0-9_-]{1,64})[`"']?(?:\s+with(?:\s+arguments)?)?\s*:?\s*/gi;

/**
 * The calls a message asks for literally (`call the tool NAME with {json}`), as steps: calls of one step run in
 * parallel, and `then call tool …` opens the next step.
 */
export function readRequestedSteps(text: string): PlannedCall[][] {
  const steps: PlannedCall[][] = [];
  for (const match of [...text.matchAll(CALL)].slice(0, MAX_CALLS)) {
    const [whole, then, name] = match;
    if (name === undefined) continue;
    const rest = text.slice(match.index + whole.length);
    const call = { name, argumentsJson: rest.slice(0, jsonObjectLength(rest) ?? 0) || "{}" };
    const last = steps.at(-1);
    if (then !== undefined || last === undefined) steps.push([call]);
    else last.push(call);
  }
  return steps;
}

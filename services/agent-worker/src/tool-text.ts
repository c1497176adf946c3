import {
  firstLinesWithin,
  cutJsonText,
  jsonTextBytes,
  shareBytes,
  shortArguments,
  type ToolArguments,
  type ToolCall,
} from "@parley/protocol";
import { escapeMarks, type ToolResult } from "./prompt.ts";

/** A call and what came of it. */
export type AnsweredCall = ToolCall & ToolResult;

/** A model step of the running turn whose tools have all ended. */
export type FinishedStep = { text: string; calls: readonly AnsweredCall[] };

/** Each result keeps at least the note that it was left out. */
const leastResultBytes = 48;
/** Room for the note, with its line ends. */
const noteBytes = 96;
/** A step counts for half of the one after it when room is shared, down to this. */
const leastWeight = 1 / 8;

/** Arguments travel as JSON text inside JSON. */
function argumentBytes(args: ToolArguments): number {
  return jsonTextBytes(JSON.stringify(args));
}

/** "{}" is always there. */
const emptyArgumentBytes = 2;

/**
 * The first and the last whole lines of a text in at most `maxBytes` inside JSON, and a line in between that says what was left out: lists begin
 * with what matters, logs end with it. A text without lines keeps its beginning.
 */
export function shortText(text: string, maxBytes: number): string {
  if (jsonTextBytes(text) <= maxBytes) return text;
  const roomBytes = maxBytes - noteBytes;
  if (roomBytes <= 0) return cutJsonText(`[left out: ${text.length} characters]`, maxBytes);
  const lines = text.split("\n");
  const first = firstLinesWithin(lines, roomBytes / 2);
  const usedBytes = first.reduce((bytes, line) => bytes + jsonTextBytes(line) + 2, 0);
  const last = firstLinesWithin(lines.slice(first.length).toReversed(), roomBytes - usedBytes).toReversed();
  const missing = lines.length - first.length - last.length;
  if (first.length + last.length > 0)
    return [...first, `[${missing} of ${lines.length} lines left out here]`, ...last].join("\n");
  return `${cutJsonText(text, roomBytes)}\n[cut here: ${text.length} characters in all]`;
}

/**
 * The steps of the running turn with the texts of their tools cut to at most `maxBytes` inside JSON: the largest first, and those of older steps
 * before those of newer ones. A pure function of its input: a takeover shows the model the same. Undefined: not even the notes fit.
 */
export function shortenSteps(steps: readonly FinishedStep[], maxBytes: number): FinishedStep[] | undefined {
  const parts = steps.flatMap(({ calls }, step) => {
    const weight = Math.max(leastWeight, 0.5 ** (steps.length - 1 - step));
    return calls.flatMap(({ result, arguments: args }) => [
      { bytes: jsonTextBytes(escapeMarks(result)), weight, leastBytes: leastResultBytes },
      { bytes: argumentBytes(args), weight, leastBytes: emptyArgumentBytes },
    ]);
  });
  const shares = shareBytes(parts, maxBytes);
  if (shares === undefined) return undefined;
  let next = 0;
  const share = (): number => shares[next++] ?? 0;
  return steps.map(({ text, calls }) => ({
    text,
    calls: calls.map((call) => ({
      ...call,
      result: shortText(escapeMarks(call.result), share()),
      arguments: shortArguments(call.arguments, share(), argumentBytes),
    })),
  }));
}

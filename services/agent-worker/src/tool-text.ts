import {
  beginningOfLines,
  cutJsonText,
  jsonTextBytes,
  lineBytes,
  shareBytes,
  shortArguments,
  type BegunLines,
  type ProviderCall,
  type ToolArguments,
  type ToolCall,
} from "@parley/protocol";
import { escapeMarks, type ToolResult } from "./prompt.ts";

/** A call and what came of it. */
export type AnsweredCall = ToolCall & ToolResult & { provider?: ProviderCall | undefined };

/** A model step of the running turn whose tools have all ended. */
export type FinishedStep = { text: string; calls: readonly AnsweredCall[] };

/** Each result keeps at least the note that it was left out. */
const leastResultBytes = 48;
/** Room for what is said about what is missing: lines in between, with a line end, and the ends of at most two lines. */
const noteBytes = 160;
/** A step counts for half of the one after it when room is shared, down to this. */
const leastWeight = 1 / 8;

/** Arguments travel as JSON text inside JSON. */
function argumentBytes(args: ToolArguments): number {
  return jsonTextBytes(JSON.stringify(args));
}

/** "{}" is always there. */
const emptyArgumentBytes = 2;

/**
 * The first and the last lines of a text in at most `maxBytes` inside JSON, and a line in between that says what was left out: lists begin with
 * what matters, logs end with it. Of lines that are too long the beginnings are shown.
 */
function shortText(text: string, maxBytes: number): string {
  if (jsonTextBytes(text) <= maxBytes) return text;
  const roomBytes = maxBytes - noteBytes;
  if (roomBytes <= 0) return cutJsonText(`[left out: ${text.length} characters]`, maxBytes);
  const lines = text.split("\n");
  let first = beginningOfLines(lines, roomBytes / 2);
  const rest = lines.slice(countOf(first)).toReversed();
  const last = beginningOfLines(rest, roomBytes - bytesOf(first));
  // One line is too long and all the others are there: it gets what they leave.
  if (last.whole.length === rest.length)
    first = beginningOfLines(lines.slice(0, countOf(first)), roomBytes - bytesOf(last));
  const missing = rest.length - countOf(last);
  const note = missing === 0 ? [] : [`[${missing} of ${lines.length} lines left out here]`];
  return [...marked(first, lines), ...note, ...marked(last, rest).toReversed()].join("\n");
}

function countOf({ whole, begun }: BegunLines): number {
  return whole.length + (begun === "" ? 0 : 1);
}

function bytesOf({ whole, begun }: BegunLines): number {
  return [...whole, begun].reduce((bytes, line) => bytes + lineBytes(line), 0);
}

function marked({ whole, begun }: BegunLines, lines: readonly string[]): string[] {
  if (begun === "") return whole;
  return [...whole, `${begun}… [cut here: ${lines[whole.length]?.length ?? 0} characters in all]`];
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

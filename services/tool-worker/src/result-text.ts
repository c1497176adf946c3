import { cutJsonText, firstLinesWithin, jsonTextBytes } from "@parley/protocol";
import type { ToolOutput } from "./tools/tool.ts";

/** Room for the line that says what was left out. */
const NOTE_BYTES = 120;

/** Cuts a result to `maxBytes` inside JSON by whole lines, from the end, and says how many are shown. */
export function fitResult(output: ToolOutput, maxBytes: number): ToolOutput {
  if (jsonTextBytes(output.text) <= maxBytes) return output;
  const lines = output.text.split("\n");
  const shown = firstLinesWithin(lines, maxBytes - NOTE_BYTES);
  if (shown.length === 0)
    return { text: `${cutJsonText(output.text, maxBytes - NOTE_BYTES)}\n[cut in the first line]`, truncated: true };
  const note = `[shown ${shown.length} of ${lines.length} lines; ask for less to see the rest]`;
  return { text: [...shown, note].join("\n"), truncated: true };
}

/** The last whole lines that fit inside JSON: of a log the end matters. */
export function lastLinesWithin(lines: readonly string[], maxBytes: number): string[] {
  return firstLinesWithin(lines.toReversed(), maxBytes).toReversed();
}

/** Cuts between characters, never inside one. */
export function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // 10xxxxxx: the middle of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString();
}

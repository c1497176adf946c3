import { beginningOfLines, jsonTextBytes } from "@parley/protocol";
import type { ToolOutput } from "./tools/tool.ts";

/** Room for the line that says what was left out. */
const NOTE_BYTES = 120;

/**
 * Makes a result well-formed, and cuts it to `maxBytes` inside JSON from the end, by whole lines as far as they are not too long, and says how
 * many are shown.
 */
export function fitResult(output: ToolOutput, maxBytes: number): ToolOutput {
  const all = output.text.toWellFormed();
  if (jsonTextBytes(all) <= maxBytes) return all === output.text ? output : { ...output, text: all };
  const lines = all.split("\n");
  const { whole, begun } = beginningOfLines(lines, maxBytes - NOTE_BYTES);
  const shown = begun === "" ? whole : [...whole, begun];
  return { text: [...shown, noteOn(whole.length, lines.length, begun !== "")].join("\n"), truncated: true };
}

function noteOn(whole: number, all: number, isBegun: boolean): string {
  if (whole === 0 && isBegun) return "[cut in the first line]";
  return `[shown ${whole} of ${all} lines${isBegun ? " and the beginning of the next" : ""}; ask for less to see the rest]`;
}

/** Cuts between characters, never inside one; what comes out is well-formed. */
export function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text.toWellFormed();
  let end = maxBytes;
  // 10xxxxxx: the middle of a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString();
}

import { beginningOfLines, jsonTextBytes } from "@parley/protocol";

/** What a tool said. */
export interface ToolText {
  readonly text: string;
  /** The tool itself left something out. */
  readonly truncated?: boolean;
}

/** Room for the line that says what was left out. */
const noteBytes = 120;

/**
 * Makes a result well-formed, and cuts it to `maxBytes` inside JSON from the end, by whole lines as far as they are not too long, and says how
 * many are shown.
 */
export function fitResult(output: ToolText, maxBytes: number): ToolText {
  const all = output.text.toWellFormed();
  if (jsonTextBytes(all) <= maxBytes) return all === output.text ? output : { ...output, text: all };
  const lines = all.split("\n");
  const { whole, begun } = beginningOfLines(lines, maxBytes - noteBytes);
  const shown = begun === "" ? whole : [...whole, begun];
  return { text: [...shown, noteOn(whole.length, lines.length, begun !== "")].join("\n"), truncated: true };
}

function noteOn(whole: number, all: number, isBegun: boolean): string {
  if (whole === 0 && isBegun) return "[cut in the first line]";
  return `[shown ${whole} of ${all} lines${isBegun ? " and the beginning of the next" : ""}; ask for less to see the rest]`;
}

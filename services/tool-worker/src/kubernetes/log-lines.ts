import { cutJsonText, lineBytes } from "@parley/protocol";
import { cutBytes } from "../result-text.ts";
import { redactText } from "./redaction.ts";

export interface FittedLines {
  readonly lines: string[];
  /** Lines of which only the beginning is shown. */
  readonly cut: number;
}

/** What each line gets at most before any gets more, when not all are shown whole. */
const shownBytes = 8_192;
/** So many lines are among them at the least, however long they are. */
const leastLines = 4;
/** Room for the words at the end of a line that say how much is missing, and for its newline. */
const noteBytes = 48;
/** The longest credential that the redaction knows: cut off in its middle, one would not be known as such. */
const longestCredential = 8_192;

interface Line {
  readonly text: string;
  /** As it was, in UTF-8. */
  readonly wholeBytes: number;
  readonly isBeginning: boolean;
}

/**
 * The last lines that fit into `maxBytes` inside JSON, redacted. Of a line that is too long the beginning is shown, so that no line hides those
 * before it; what is left over goes to the newest.
 */
export function fitLogLines(lines: readonly string[], maxBytes: number): FittedLines {
  const eachBytes = Math.min(shownBytes, Math.floor(maxBytes / leastLines));
  const taken = takeNewest(lines, { maxBytes, eachBytes });
  let leftBytes = maxBytes - taken.reduce((sum, line) => sum + leastBytes(line, eachBytes), 0);
  let cut = 0;
  const shown = taken.map((line) => {
    const least = leastBytes(line, eachBytes);
    const fitting = fit(line, least + Math.max(0, leftBytes));
    leftBytes -= lineBytes(fitting) - least;
    if (fitting !== line.text || line.isBeginning) cut++;
    return fitting;
  });
  return { lines: shown.toReversed(), cut };
}

/** Newest first. */
function takeNewest(
  lines: readonly string[],
  { maxBytes, eachBytes }: { maxBytes: number; eachBytes: number },
): Line[] {
  const taken: Line[] = [];
  let bytes = 0;
  for (const text of lines.toReversed()) {
    const line = redactBeginning(text, maxBytes);
    bytes += leastBytes(line, eachBytes);
    if (bytes > maxBytes) break;
    taken.push(line);
  }
  return taken;
}

/** With its newline. */
function leastBytes({ text }: Line, eachBytes: number): number {
  return Math.min(lineBytes(text), eachBytes);
}

/** `maxBytes` with its newline. */
function fit({ text, wholeBytes, isBeginning }: Line, maxBytes: number): string {
  if (!isBeginning && lineBytes(text) <= maxBytes) return text;
  const beginning = cutJsonText(text, maxBytes - noteBytes);
  return `${beginning} [… ${wholeBytes - Buffer.byteLength(beginning)} more bytes]`;
}

/** In UTF-8, of which no text has more than inside JSON. Redacts no more of a line than may be shown, and shows nothing from where a credential may have been cut off. */
function redactBeginning(text: string, maxBytes: number): Line {
  const wholeBytes = Buffer.byteLength(text);
  const isBeginning = wholeBytes > maxBytes + longestCredential;
  if (!isBeginning) return { text: redactText(text), wholeBytes, isBeginning };
  const redacted = redactText(cutBytes(text, maxBytes + longestCredential));
  return {
    text: cutBytes(redacted, Math.max(0, Buffer.byteLength(redacted) - longestCredential)),
    wholeBytes,
    isBeginning,
  };
}

/** Escape sequences of terminals: CSI (colours, cursor), OSC (titles, links) and the two-character ones. None goes beyond its line: it would hide the next. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b\n]*(?:\u0007|\u001b\\)?|[@-_])/g;

/** Control characters but tab and newline, and the invisible ones that reorder or hide text. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Text as a person would see it. What a tool reads was written by somebody else; it must not colour a terminal, move a cursor, or
 * show a person something else than it shows the model.
 */
export function toPlainText(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(ESCAPES, "").replace(INVISIBLE, "");
}

/** As one line that a person can read, and type. */
export function lineOf(text: string): string {
  return toPlainText(text).toWellFormed().replaceAll(/\s+/g, " ").trim();
}

/** Those of the invisible ones that make a text look like another one (CVE-2021-42574). */
const REORDERING = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The same for a text that somebody agrees to: what would reorder it is shown, so that they see that it is there. */
export function toShownText(text: string): string {
  return toPlainText(text.replace(REORDERING, (char) => `\\u${char.charCodeAt(0).toString(16)}`)).toWellFormed();
}

export function shownLineOf(text: string): string {
  return lineOf(toShownText(text));
}

/** What a line can begin, as far as it decides where a text may be divided. HTML is none of it: it is shown as it is written. */

export interface Fence {
  readonly marker: string;
  readonly indent: number;
  /** The first word behind the marker. */
  readonly language: string;
}

export function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

export function isBlank(line: string): boolean {
  return line.trim() === "";
}

const fenceOpening = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})[ \t]*([^\s`]*)/u;

export function fenceIn(line: string): Fence | undefined {
  const found = fenceOpening.exec(line);
  if (found === null) return undefined;
  const [, indent = "", marker = "", language = ""] = found;
  return { marker, indent: indent.length, language };
}

export function closes({ marker }: Fence, line: string): boolean {
  if (indentOf(line) > 3) return false;
  const end = line.trim();
  return end.length >= marker.length && end === (marker[0] ?? "").repeat(end.length);
}

const listMarker = /^( {0,3})([-+*]|(\d{1,9})[.)])(?:([ \t]+)|$)/u;

export interface ListItem {
  readonly indent: number;
  /** What belongs to the item is indented by so much. */
  readonly contentIndent: number;
  /** Of an ordered list. */
  readonly number: number | undefined;
  /** What can begin a list in the middle of a paragraph: not an empty item, and of numbers only 1. */
  readonly interrupts: boolean;
}

export function listItemIn(line: string): ListItem | undefined {
  const found = isRule(line) ? null : listMarker.exec(line);
  if (found === null) return undefined;
  const [whole, { length: indent } = "", { length: width } = "", digits, { length: gap } = ""] = found;
  const number = digits === undefined ? undefined : Number(digits);
  const isEmpty = whole.length === line.length;
  const spaces = gap === 0 || gap > 4 || isEmpty ? 1 : gap;
  return {
    indent,
    contentIndent: indent + width + spaces,
    number,
    interrupts: !isEmpty && (number === undefined || number === 1),
  };
}

/** Of a line that is not whole yet: whether it may become the item of a list. */
export function mayBecomeItem(line: string): boolean {
  return /^(?:[-+*]|\d{1,9}[.)]?)?$/u.test(line) || listItemIn(line) !== undefined;
}

export function isHeading(line: string): boolean {
  return /^ {0,3}#{1,6}(?:[ \t]|$)/u.test(line);
}

/** A line across the text; `---` below a paragraph would be its underline, and is none here. */
export function isRule(line: string): boolean {
  return /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|-[ \t]+-[ \t]*(?:-[ \t]*)+|--[ \t]+(?:-[ \t]*)+)$/u.test(line);
}

/** The line below the head of a table. */
export function isDelimiterRow(line: string): boolean {
  return line.includes("|") && /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/u.test(line);
}

/** `[label]: address`, or `[^label]: a note`: the label as it is looked up. */
export function definedIn(line: string): string | undefined {
  const found = /^ {0,3}\[((?:[^[\]\\]|\\.)+)\]:/u.exec(line)?.[1];
  return found === undefined ? undefined : labelOf(found);
}

export function labelOf(label: string): string {
  return label.trim().replaceAll(/\s+/gu, " ").toLowerCase();
}

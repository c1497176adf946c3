import {
  closes,
  fenceIn,
  indentOf,
  isBlank,
  isDelimiterRow,
  isHeading,
  isRule,
  listItemIn,
  mayBecomeItem,
  type Fence,
  type ListItem,
} from "./block-lines.ts";

/** The block that is being read: what each line makes of it, and where it ends for certain. */

export interface Open {
  readonly start: number;
  kind: "fence" | "list" | "table" | "other";
  readonly fence: Fence | undefined;
  /** An indented fence in a list that is not closed yet. Whether it belongs to an item or ends the list is not always certain. */
  inner: Fence | undefined;
  contentIndent: number;
  lastNumber: number | undefined;
  isBlankBefore: boolean;
  /** Head and delimiter row of the table that this one goes on with. */
  readonly prefix: string;
  lines: number;
}

/** A list beyond it goes on as another one: reading a thousand characters takes some 3 ms, and the last block is read again for each frame. */
const listChars = 1_600;
const tableChars = 2_500;

export function openAt(start: number, line: string): Open {
  const fence = fenceIn(line);
  const item = listItemIn(line);
  return {
    start,
    kind: fence !== undefined ? "fence" : item !== undefined ? "list" : "other",
    fence,
    inner: undefined,
    contentIndent: item?.contentIndent ?? 0,
    lastNumber: item?.number,
    isBlankBefore: false,
    prefix: "",
    lines: 0,
  };
}

/** The list or table that goes on with this one, from `start` on. */
export function continuation(open: Open, start: number, text: string): Open {
  const { kind, contentIndent, lastNumber } = open;
  const prefix = kind === "table" ? headOf(open, text) : "";
  return { ...openAt(start, ""), kind, contentIndent, lastNumber, prefix, lines: 2 };
}

function headOf({ start, prefix }: Open, text: string): string {
  if (prefix !== "") return prefix;
  const second = text.indexOf("\n", text.indexOf("\n", start) + 1);
  return text.slice(start, second + 1);
}

/** What a line makes of the block that it belongs to. */
export function goOn(open: Open, line: string): void {
  open.lines += 1;
  open.isBlankBefore = false;
  if (open.kind === "fence") return;
  if (open.kind === "list") open.inner = innerAfter(open, line);
  if (open.inner !== undefined) return;
  const item = listItemIn(line);
  if (item !== undefined) beginItem(open, item);
  else open.kind = kindAfter(open, line);
}

function beginItem(open: Open, item: ListItem): void {
  // One of a list inside an item.
  if (open.kind === "list" && item.indent >= open.contentIndent) return;
  open.kind = "list";
  open.contentIndent = item.contentIndent;
  open.lastNumber = item.number;
}

function kindAfter({ kind, lines }: Open, line: string): Open["kind"] {
  if (kind === "other" && lines === 2 && isDelimiterRow(line)) return "table";
  return kind === "table" && (!line.includes("|") || isQuote(line)) ? "other" : kind;
}

/** A fence that no line closes. */
const never: Fence = { marker: "`".repeat(1_000), indent: 0, language: "" };

function innerAfter({ inner, contentIndent }: Open, line: string): Fence | undefined {
  if (inner === undefined) return indentOf(line) > 0 ? fenceIn(line) : undefined;
  // A line further left ends the item, and the fence with it; if the fence was none of the item's it is part of it.
  if (indentOf(line) < contentIndent) return never;
  return closes(inner, line) ? undefined : inner;
}

/** Whether a line that is not blank begins a block of its own behind the open one. */
export function beginsBlock(open: Open, line: string): boolean {
  if (open.inner !== undefined) return false;
  return open.kind === "list" ? endsList(open, line) : interrupts(line) || isApart(open, line);
}

function endsList(open: Open, line: string): boolean {
  if (indentOf(line) >= open.contentIndent) return false;
  const fence = fenceIn(line);
  if (fence !== undefined) return fence.indent === 0;
  return isOneLine(line) || isQuote(line) || (isApart(open, line) && listItemIn(line) === undefined);
}

/** What ends a paragraph without a blank line. */
function interrupts(line: string): boolean {
  return fenceIn(line) !== undefined || isOneLine(line) || listItemIn(line)?.interrupts === true;
}

function isApart({ isBlankBefore }: Open, line: string): boolean {
  return isBlankBefore && /^\S/u.test(line);
}

/** What is a block by itself. */
export function isOneLine(line: string): boolean {
  return isHeading(line) || isRule(line);
}

function isQuote(line: string): boolean {
  return /^ {0,3}>/u.test(line);
}

/** The same as `beginsBlock` of the beginning of a line. */
export function isEndedBy(open: Open, rest: string): boolean {
  if (open.kind === "fence" || open.inner !== undefined || isBlank(rest) || !isApart(open, rest)) return false;
  return open.kind !== "list" || !mayBecomeItem(rest);
}

/** Whether the list or table is long and can go on as another one with the line at `end`. */
export function mayCut(open: Open, line: string, end: number): boolean {
  const length = end - open.start;
  if (open.kind === "table") return length > tableChars && line.includes("|");
  if (open.kind !== "list" || length <= listChars || open.inner !== undefined) return false;
  const item = listItemIn(line);
  if (item === undefined || item.indent >= open.contentIndent) return false;
  // The items of a list that says "1." each time get their numbers from being one list.
  return item.number === undefined || (open.lastNumber !== undefined && item.number === open.lastNumber + 1);
}

import {
  closes,
  definedIn,
  fenceIn,
  indentOf,
  isBlank,
  isDelimiterRow,
  isHeading,
  isRule,
  labelOf,
  listItemIn,
  mayBecomeItem,
  type Fence,
} from "./block-lines.ts";

/**
 * Divides Markdown where one top-level block ends for certain and the next one begins, so that more text means new work for its last block only. Where it is not
 * certain it does not divide: each block alone then gives what the whole gives (test/text/blocks.test.ts tries it with made-up texts).
 */

export type Block =
  | { readonly kind: "markdown"; readonly text: string }
  /** Too long to be read as Markdown in one go. */
  | { readonly kind: "plain"; readonly text: string }
  | { readonly kind: "code"; readonly text: string; readonly language: string; readonly isClosed: boolean };

export interface Blocks {
  /** Those that are finished, by the dozen: a group that is full is the same object from then on. */
  readonly groups: readonly (readonly Block[])[];
  /** The one that may go on. */
  readonly last: Block | undefined;
  /** What other blocks may refer to, by label: links, and with `^` notes. */
  readonly definitions: ReadonlyMap<string, string>;
}

/** A list beyond it goes on as another one: reading a thousand characters takes some 3 ms, and the last block is read again for each frame. */
const listChars = 1_600;
const tableChars = 2_500;
/** Any other block beyond it is shown as it is written. */
const plainChars = 5_000;
/** All definitions together. */
const definitionChars = 16_000;
const groupSize = 48;

interface Open {
  readonly start: number;
  kind: "fence" | "list" | "table" | "other";
  fence?: Fence;
  contentIndent: number;
  /** An indented fence in a list that is not closed yet. Whether it belongs to an item or ends the list is not always certain. */
  inner: Fence | undefined;
  lastNumber: number | undefined;
  isBlankBefore: boolean;
  /** Head and delimiter row of the table that this one goes on with. */
  prefix: string;
  lines: number;
}

export type Splitter = (text: string) => Blocks;

/** Remembers what it has read: a text that begins with the one before costs what it is longer. */
export function createSplitter(): Splitter {
  let scan = createScan();
  return (given) => {
    const text = given.includes("\r") ? given.replaceAll(/\r\n?/gu, "\n") : given;
    if (!text.startsWith(scan.read)) scan = createScan();
    scan.go(text);
    return scan.blocks(text);
  };
}

function createScan() {
  const groups: Block[][] = [];
  const definitions = new Map<string, string>();
  let definedChars = 0;
  let read = "";
  let open: Open | undefined;

  function finish(text: string, end: number): void {
    if (open === undefined) return;
    const block = blockOf(open, text.slice(open.start, end), true);
    const group = groups.at(-1);
    if (group === undefined || group.length >= groupSize) groups.push([block]);
    else groups[groups.length - 1] = [...group, block];
    if (block.kind === "markdown") define(block.text);
    open = undefined;
  }

  function define(block: string): void {
    for (const [label, definition] of definitionsIn(block)) {
      if (definitions.has(label) || definedChars + definition.length > definitionChars) continue;
      definedChars += definition.length;
      definitions.set(label, definition);
    }
  }

  function line(text: string, start: number, end: number): void {
    const content = text.slice(start, end);
    if (open?.kind === "fence" && open.fence !== undefined) {
      if (closes(open.fence, content)) finish(text, end);
      return;
    }
    if (isBlank(content)) {
      if (open !== undefined) open.isBlankBefore = true;
      return;
    }
    if (open !== undefined && beginsBlock(open, content)) finish(text, start);
    if (open !== undefined && isTooLong(open, start) && mayCut(open, content)) {
      const prefix = open.kind === "table" ? headOf(open, text) : "";
      const { kind, contentIndent, lastNumber } = open;
      finish(text, start);
      open = { ...openAt(start, ""), kind, contentIndent, lastNumber, prefix, lines: 2 };
    }
    open ??= openAt(start, content);
    goOn(open, content);
    if (open.kind === "other" && open.lines === 1 && isOneLine(content)) finish(text, end);
  }

  return {
    get read() {
      return read;
    },
    /** Reads the lines that are whole. */
    go(text: string): void {
      let at = read.length;
      for (let end = text.indexOf("\n", at); end !== -1; end = text.indexOf("\n", at)) {
        line(text, at, end);
        at = end + 1;
      }
      if (at !== read.length) read = text.slice(0, at);
    },
    blocks(text: string): Blocks {
      const rest = text.slice(read.length);
      if (open !== undefined && endsAt(open, rest)) finish(text, read.length);
      const isEmpty = open === undefined && isBlank(rest);
      const now = open ?? openAt(read.length, rest);
      const last = isEmpty ? undefined : blockOf(now, text.slice(now.start), false);
      return { groups: [...groups], last, definitions: withLast(definitions, last) };
    },
  };
}

function openAt(start: number, line: string): Open {
  const fence = fenceIn(line);
  const item = listItemIn(line);
  const kind = fence !== undefined ? "fence" : item !== undefined ? "list" : "other";
  return {
    start,
    kind,
    ...(fence === undefined ? {} : { fence }),
    contentIndent: item?.contentIndent ?? 0,
    inner: undefined,
    lastNumber: item?.number,
    isBlankBefore: false,
    prefix: "",
    lines: 0,
  };
}

/** What a line makes of the block that it belongs to. */
function goOn(open: Open, line: string): void {
  open.lines += 1;
  open.isBlankBefore = false;
  const item = listItemIn(line);
  if (open.kind === "list") open.inner = innerAfter(open, line);
  if (open.inner !== undefined) return;
  if (item !== undefined && open.kind !== "fence" && (open.kind !== "list" || item.indent < open.contentIndent)) {
    open.kind = "list";
    open.contentIndent = item.contentIndent;
    open.lastNumber = item.number;
  } else if (open.kind === "other" && open.lines === 2 && isDelimiterRow(line)) open.kind = "table";
  else if (open.kind === "table" && (!line.includes("|") || isQuote(line))) open.kind = "other";
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
function beginsBlock(open: Open, line: string): boolean {
  if (open.inner !== undefined) return false;
  const isInItem = open.kind === "list" && indentOf(line) >= open.contentIndent;
  if (isInItem) return false;
  const fence = fenceIn(line);
  if (fence !== undefined) return open.kind !== "list" || fence.indent === 0;
  if (isOneLine(line)) return true;
  if (open.kind === "list" && isQuote(line)) return true;
  const item = listItemIn(line);
  if (open.kind !== "list" && item?.interrupts === true) return true;
  return open.isBlankBefore && /^\S/u.test(line) && (open.kind !== "list" || item === undefined);
}

function isQuote(line: string): boolean {
  return /^ {0,3}>/u.test(line);
}

function isOneLine(line: string): boolean {
  return isHeading(line) || isRule(line);
}

/** The same of the beginning of a line. */
function endsAt(open: Open, rest: string): boolean {
  if (open.kind === "fence" || open.inner !== undefined || !open.isBlankBefore || !/^\S/u.test(rest)) return false;
  return open.kind !== "list" || !mayBecomeItem(rest);
}

function isTooLong({ start, kind }: Open, end: number): boolean {
  return end - start > (kind === "table" ? tableChars : listChars);
}

/** Whether the list or table can go on as another one with this line. */
function mayCut(open: Open, line: string): boolean {
  if (open.kind === "table") return line.includes("|");
  if (open.kind !== "list" || open.inner !== undefined) return false;
  const item = listItemIn(line);
  if (item === undefined || item.indent >= open.contentIndent) return false;
  // The items of a list that says "1." each time get their numbers from being one list.
  return item.number === undefined || (open.lastNumber !== undefined && item.number === open.lastNumber + 1);
}

function headOf({ start, prefix }: Open, text: string): string {
  if (prefix !== "") return prefix;
  const second = text.indexOf("\n", text.indexOf("\n", start) + 1);
  return text.slice(start, second + 1);
}

function blockOf(open: Open, text: string, isFinished: boolean): Block {
  const { fence } = open;
  if (fence !== undefined) {
    const lines = text.trimEnd().split("\n").slice(1);
    const isClosed = isFinished || (lines.length > 0 && closes(fence, lines.at(-1) ?? ""));
    return { kind: "code", language: fence.language, text: codeOf(fence, text, isClosed), isClosed };
  }
  const whole = `${open.prefix}${text.trimEnd()}`;
  return { kind: whole.length > plainChars ? "plain" : "markdown", text: whole };
}

/** What is between the fences, without the indentation of the opening one. */
function codeOf({ indent }: Fence, text: string, isClosed: boolean): string {
  const begin = text.indexOf("\n");
  if (begin === -1) return "";
  const closed = text.trimEnd();
  const code = isClosed
    ? text.slice(begin + 1, Math.max(begin + 1, closed.lastIndexOf("\n")))
    : text.slice(begin + 1).replace(/\n+$/u, "");
  return indent === 0 ? code : code.replaceAll(new RegExp(`^ {1,${String(indent)}}`, "gmu"), "");
}

function withLast(known: ReadonlyMap<string, string>, last: Block | undefined): ReadonlyMap<string, string> {
  const more = last?.kind === "markdown" ? definitionsIn(last.text) : [];
  return new Map([...more, ...known]);
}

/** What a block defines for the others. */
function definitionsIn(block: string): [label: string, definition: string][] {
  if (!/^ {0,3}\[/u.test(block)) return [];
  const found: [string, string][] = [];
  for (const line of block.split("\n")) {
    const label = definedIn(line);
    if (label !== undefined) found.push([label, line]);
    else if (found.at(-1)?.[0].startsWith("^") !== true) break;
    else found[found.length - 1] = [found.at(-1)?.[0] ?? "", `${found.at(-1)?.[1] ?? ""}\n${line}`];
  }
  return found;
}

/** The definitions that a block refers to, as lines to be put before it. */
export function definitionsFor(text: string, definitions: ReadonlyMap<string, string>): string {
  if (definitions.size === 0 || !text.includes("[")) return "";
  const labels = new Set([...text.matchAll(/\[((?:[^[\]\\]|\\.)+)\]/gu)].map(([, label = ""]) => labelOf(label)));
  return [...labels]
    .map((label) => definitions.get(label))
    .filter((line) => line !== undefined)
    .join("\n\n");
}

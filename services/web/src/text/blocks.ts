import { closes, definedIn, isBlank, labelOf, type Fence } from "./block-lines.ts";
import { beginsBlock, continuation, goOn, isEndedBy, isOneLine, mayCut, openAt, type Open } from "./open-block.ts";

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

/** A block beyond it that cannot be divided is shown as it is written. */
const plainChars = 5_000;
/** Containers in containers, of which one line may begin thousands: they are read by functions that call themselves, until there is no room for more calls. */
const tooDeep = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t]))){25}/mu;
/**
 * Lines of all blocks together: each may be a paragraph, a row or an item, and costs up to a millisecond. Rows are filled up to the width of their table, so those
 * of wide tables count as more. What follows is shown as it is written.
 */
const readLines = 3_000;
const narrowColumns = 8;
/** All definitions together. */
const definitionChars = 16_000;
const groupSize = 48;

export type Splitter = (text: string) => Blocks;

/** Remembers what it has read: a text that begins with the one before costs what it is longer. */
export function createSplitter(): Splitter {
  let scan = createScan();
  return (given) => {
    const text = given.includes("\r") ? given.replaceAll(/\r\n?/gu, "\n") : given;
    if (!text.startsWith(scan.read())) scan = createScan();
    scan.go(text);
    return scan.blocks(text);
  };
}

function createScan() {
  const finished = createFinished();
  let read = "";
  let open: Open | undefined;

  function finish(text: string, end: number): void {
    if (open !== undefined) finished.add(blockOf(open, text.slice(open.start, end), true));
    open = undefined;
  }

  function readLine(text: string, start: number, end: number): void {
    const line = text.slice(start, end);
    if (open?.fence !== undefined) {
      if (closes(open.fence, line)) finish(text, end);
    } else if (!isBlank(line)) readText(text, start, line);
    else if (open !== undefined) open.isBlankBefore = true;
  }

  function readText(text: string, start: number, line: string): void {
    if (open !== undefined && beginsBlock(open, line)) finish(text, start);
    if (open !== undefined && mayCut(open, line, start)) {
      const next = continuation(open, start, text);
      finish(text, start);
      open = next;
    }
    open ??= openAt(start, line);
    goOn(open, line);
    if (open.kind === "other" && open.lines === 1 && isOneLine(line)) finish(text, start + line.length);
  }

  return {
    read: () => read,
    /** Reads the lines that are whole. */
    go(text: string): void {
      let at = read.length;
      for (let end = text.indexOf("\n", at); end !== -1; end = text.indexOf("\n", at)) {
        readLine(text, at, end);
        at = end + 1;
      }
      if (at !== read.length) read = text.slice(0, at);
    },
    blocks(text: string): Blocks {
      const rest = text.slice(read.length);
      if (open !== undefined && isEndedBy(open, rest)) finish(text, read.length);
      const isEmpty = open === undefined && isBlank(rest);
      const now = open ?? openAt(read.length, rest);
      return finished.with(isEmpty ? undefined : blockOf(now, text.slice(now.start), false));
    },
  };
}

/** The blocks that will not change any more, and what they define. */
function createFinished() {
  const groups: Block[][] = [];
  const definitions = new Map<string, string>();
  /** A picture of them, the same until there is another one: by it those who show the blocks know that nothing has changed. */
  let shown: ReadonlyMap<string, string> = new Map();
  let definedChars = 0;
  let lines = 0;

  function define([label, definition]: Definition): void {
    if (definitions.has(label) || definedChars + definition.length > definitionChars) return;
    definedChars += definition.length;
    definitions.set(label, definition);
  }

  const bounded = (block: Block): Block =>
    block.kind === "markdown" && lines + costOf(block) > readLines ? { kind: "plain", text: block.text } : block;

  return {
    add(block: Block): void {
      const one = bounded(block);
      lines += costOf(one);
      const group = groups.at(-1);
      if (group === undefined || group.length >= groupSize) groups.push([one]);
      else groups[groups.length - 1] = [...group, one];
      if (block.kind === "markdown") for (const one of definitionsIn(block.text)) define(one);
    },
    with(last: Block | undefined): Blocks {
      const more = last?.kind === "markdown" ? definitionsIn(last.text) : [];
      if (shown.size !== definitions.size) shown = new Map(definitions);
      return {
        groups: [...groups],
        last: last === undefined ? undefined : bounded(last),
        definitions: more.length === 0 ? shown : new Map([...more, ...definitions]),
      };
    },
  };
}

type Definition = readonly [label: string, definition: string];

function blockOf(open: Open, text: string, isFinished: boolean): Block {
  const { fence } = open;
  if (fence !== undefined) {
    const lines = text.trimEnd().split("\n").slice(1);
    const isClosed = isFinished || (lines.length > 0 && closes(fence, lines.at(-1) ?? ""));
    return { kind: "code", language: fence.language, text: codeOf(fence, text, isClosed), isClosed };
  }
  const whole = `${open.prefix}${text.trimEnd()}`;
  return { kind: whole.length > plainChars || tooDeep.test(whole) ? "plain" : "markdown", text: whole };
}

function costOf({ kind, text }: Block): number {
  if (kind !== "markdown") return 0;
  const lines = text.split("\n");
  const columns = lines.reduce((most, line) => Math.max(most, line.split("|").length), 0);
  return lines.length * Math.max(1, columns / narrowColumns);
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

/** What a block defines for the others. */
function definitionsIn(block: string): Definition[] {
  if (!/^ {0,3}\[/u.test(block)) return [];
  const found: Definition[] = [];
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

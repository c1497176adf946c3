import { Parser } from "htmlparser2";
import { DocumentError, plainLine, type DocumentText } from "./document-kind.ts";

/** Nothing in them is said to a reader. */
const SILENT: ReadonlySet<string> = new Set(["script", "style", "template", "svg", "noscript", "iframe", "object"]);
const BLOCKS: ReadonlySet<string> = new Set(
  "address article aside blockquote body dd details dialog div dl dt fieldset figcaption figure footer form header hr html main nav ol p section summary table tbody tfoot thead ul".split(
    " ",
  ),
);
const HEADING = /^h[1-6]$/;

/** What is being written: blocks with blank lines between them; inline text has single spaces. */
function createWriter() {
  const blocks: string[] = [];
  let line = "";
  const add = (block: string): void => void (block.trim() === "" || blocks.push(block));
  return {
    inline(text: string): void {
      const spaced = text.replaceAll(/\s+/g, " ");
      line += line === "" || line.endsWith(" ") || line.endsWith("\n") ? spaced.trimStart() : spaced;
    },
    lineBreak: (): void => void (line = line === "" ? "" : `${line.trimEnd()}\n`),
    /** Ends the block that was begun; `mark`: what a heading or an item begins with. */
    end(mark = ""): void {
      const text = line.trim();
      line = "";
      if (text === "") return;
      const one = mark.startsWith("#") ? text.replaceAll("\n", " ") : text;
      const isItem = mark.endsWith("- ");
      // Items of one list stand together, or each would be a paragraph of its own.
      const last = blocks.at(-1);
      if (isItem && last !== undefined && /^\s*- /.test(last)) blocks[blocks.length - 1] = `${last}\n${mark}${one}`;
      else add(mark === "" ? one.split("\n").map(plainLine).join("\n") : `${mark}${one}`);
    },
    add,
    taken(): string {
      const text = line.trim();
      line = "";
      return text;
    },
    text: (): string => blocks.join("\n\n"),
  };
}

function fenced(code: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${code.replace(/^\n/, "").trimEnd()}\n${fence}`;
}

interface Reading {
  title: string;
  silent: number;
  code: string | undefined;
  inTitle: boolean;
  depth: number;
  lists: number;
  /** Rows of the table that is open; a table within a cell is part of the cell's text. */
  tables: number;
  rows: string[][];
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const lines = rows.filter((row) => row.length > 0).map((row) => `| ${row.join(" | ")} |`);
  const [head, ...others] = lines;
  if (head === undefined) return "";
  return [head, `|${" --- |".repeat(rows.find((row) => row.length > 0)?.length ?? 1)}`, ...others].join("\n");
}

/** The parser looks through all that is open at each tag. */
const maxDepth = 10_000;

/** Reads HTML as a stream of tags, without building a tree. Throws DocumentError for what is nested without sense. */
export function htmlToMarkdown(html: string): DocumentText {
  const out = createWriter();
  const state: Reading = {
    title: "",
    silent: 0,
    code: undefined,
    inTitle: false,
    depth: 0,
    lists: 0,
    tables: 0,
    rows: [],
  };
  const parser = new Parser({
    onopentag: (name) => open(name, state, out),
    onclosetag: (name) => close(name, state, out),
    ontext(text) {
      if (state.inTitle) state.title += text;
      else if (state.silent > 0) return;
      else if (state.code !== undefined) state.code += text;
      else out.inline(text);
    },
  });
  parser.end(html);
  out.end();
  const title = state.title.replaceAll(/\s+/g, " ").trim();
  return { text: out.text(), ...(title === "" ? {} : { title }) };
}

type Writer = ReturnType<typeof createWriter>;

function open(name: string, state: Reading, out: Writer): void {
  if (++state.depth > maxDepth) throw new DocumentError("is nested too deeply");
  if (SILENT.has(name)) state.silent++;
  if (name === "title" && state.silent === 0) state.inTitle = true;
  if (state.silent > 0 || state.code !== undefined) return;
  if (state.tables > 0) return openInTable(name, state, out);
  if (name === "br") return out.lineBreak();
  openBlock(name, state, out);
}

function openBlock(name: string, state: Reading, out: Writer): void {
  if (name === "table") state.tables++;
  if (name === "ul" || name === "ol") state.lists++;
  if (name === "pre") state.code = "";
  if (BLOCKS.has(name) || HEADING.test(name) || name === "pre" || name === "li") out.end(itemMark(state, name));
}

/** What stands before a list within an item is the text of that item. */
function itemMark({ lists }: Reading, name: string): string {
  const isNested = (name === "ul" || name === "ol") && lists > 1;
  return isNested ? markOf(lists - 1) : "";
}

function markOf(lists: number): string {
  return `${"  ".repeat(Math.min(8, Math.max(0, lists - 1)))}- `;
}

function openInTable(name: string, state: Reading, out: Writer): void {
  if (name === "table") state.tables++;
  if (name === "tr" && state.tables === 1) state.rows.push([]);
  if (name === "br" || BLOCKS.has(name) || name === "li") out.inline(" ");
}

function close(name: string, state: Reading, out: Writer): void {
  state.depth--;
  if (SILENT.has(name)) state.silent = Math.max(0, state.silent - 1);
  if (name === "title") state.inTitle = false;
  if (state.silent > 0) return;
  if (state.code !== undefined) {
    if (name !== "pre") return;
    out.add(fenced(state.code));
    state.code = undefined;
  } else if (state.tables > 0) closeInTable(name, state, out);
  else if (HEADING.test(name)) out.end(`${"#".repeat(Number(name[1]))} `);
  else if (name === "li") out.end(markOf(state.lists));
  else if (name === "ul" || name === "ol") {
    out.end();
    state.lists = Math.max(0, state.lists - 1);
  } else if (BLOCKS.has(name)) out.end();
}

function closeInTable(name: string, state: Reading, out: Writer): void {
  if (state.tables === 1 && (name === "td" || name === "th" || name === "caption")) {
    const cell = out.taken().replaceAll("|", "\\|").replaceAll("\n", " ");
    if (name === "caption") out.add(plainLine(cell));
    else (state.rows.at(-1) ?? state.rows[state.rows.push([]) - 1])?.push(cell);
  }
  if (name !== "table") return;
  state.tables--;
  if (state.tables > 0) return;
  out.end();
  out.add(tableOf(state.rows));
  state.rows = [];
}

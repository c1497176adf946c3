/** A part of a document that says one thing. */
export interface Chunk {
  /** The headings above it, outermost first: "Fluids and capacities › Engine oil". */
  readonly title: string;
  /** The last of them. */
  readonly heading: string;
  readonly text: string;
}

export interface ChunkOptions {
  /** Longer sections are cut between paragraphs, sentences or words. Only a block of code may be longer: half a command is none. */
  readonly maxChars: number;
  /** Heads the title of what stands before the first heading. */
  readonly untitled: string;
  /** It is plain text: a line that begins with # is no heading. */
  readonly isPlain?: boolean;
}

interface Heading {
  readonly level: number;
  readonly text: string;
}

interface Section {
  readonly title: string;
  readonly heading: string;
  readonly lines: readonly string[];
}

const HEADING = /^ {0,3}(?<marks>#{1,6})\s+(?<text>.*?)\s*#*\s*$/;
const FENCE = /^\s*(?<marks>`{3,}|~{3,})(?<info>.*)$/;

/** Cuts a Markdown document at its headings. Pure; sections without text give no chunk. */
export function chunksOf(markdown: string, { maxChars, untitled, isPlain = false }: ChunkOptions): Chunk[] {
  const lines = markdown.replace(/^\uFEFF/, "").split(/\r\n?|\n/);
  const sections = isPlain ? [{ title: untitled, heading: untitled, lines }] : sectionsOf(lines, untitled);
  return sections.flatMap(({ title, heading, lines: body }) => {
    const pieces = blocksOf(body, isPlain).flatMap((block) => piecesOf(block, maxChars));
    const texts = pieces.map((text) => text.trimEnd()).filter((text) => text !== "");
    return joined(texts, { maxChars }).map((text) => ({ title, heading, text }));
  });
}

function piecesOf({ isCode, text }: Block, maxChars: number): string[] {
  if (isCode || text.length <= maxChars) return [text];
  return tablePieces(text, maxChars) ?? cut(text, maxChars);
}

/** A line that is longer is no heading and no edge of a table, and patterns are not tried on it: some inputs take them minutes. */
const MARK_CHARS = 1_000;
const TABLE_EDGE = /^\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?\s*)?$/;

/** A long table is cut between its rows, and each part has the head: a row alone says nothing. Undefined: it is no table, or its head leaves no room. */
function tablePieces(text: string, maxChars: number): string[] | undefined {
  const [head = "", edge = "", ...rows] = text.split("\n");
  if (edge.length > MARK_CHARS || !TABLE_EDGE.test(edge) || !head.includes("|")) return undefined;
  const top = `${head}\n${edge}\n`;
  if (top.length > maxChars / 2) return undefined;
  const room = maxChars - top.length;
  return joined(
    rows.flatMap((row) => cut(row, room)),
    { maxChars: room, between: "\n" },
  ).map((part) => top + part);
}

function sectionsOf(lines: readonly string[], untitled: string): Section[] {
  const sections: { title: string; heading: string; lines: string[] }[] = [
    { title: untitled, heading: untitled, lines: [] },
  ];
  const fences = createFences();
  let path: Heading[] = [];
  for (const line of lines) {
    const isProse = fences.isCode(line) || line.length > MARK_CHARS;
    const { marks, text } = (isProse ? undefined : HEADING.exec(line)?.groups) ?? {};
    if (marks === undefined || text === undefined) sections.at(-1)?.lines.push(line);
    else {
      path = [...path.filter(({ level }) => level < marks.length), { level: marks.length, text }];
      sections.push({ title: path.map((heading) => heading.text).join(" › "), heading: text, lines: [] });
    }
  }
  return sections;
}

/** Follows ``` and ~~~: whether a line, given in order, belongs to a block of code; the marks themselves do. */
function createFences() {
  let open: string | undefined;
  return {
    isCode(line: string): boolean {
      const { marks, info = "" } = FENCE.exec(line)?.groups ?? {};
      const wasOpen = open !== undefined;
      if (marks === undefined) return wasOpen;
      if (open === undefined) open = marks;
      else if (marks.startsWith(open) && info.trim() === "") open = undefined;
      return true;
    },
  };
}

interface Block {
  readonly isCode: boolean;
  readonly text: string;
}

/** Blocks of code, and paragraphs, lists and tables as blank lines part them. */
function blocksOf(lines: readonly string[], isPlain: boolean): Block[] {
  const blocks: { isCode: boolean; lines: string[] }[] = [];
  const fences = createFences();
  let ended = true;
  for (const line of lines) {
    const isCode = !isPlain && fences.isCode(line);
    const isBlank = !isCode && line.trim() === "";
    if (!isBlank) {
      const last = blocks.at(-1);
      if (last === undefined || ended || last.isCode !== isCode) blocks.push({ isCode, lines: [line] });
      else last.lines.push(line);
    }
    ended = isBlank;
  }
  return blocks.map(({ isCode, lines: body }) => ({ isCode, text: body.join("\n") }));
}

/** Where a text that is too long may be cut, best first: before an item of a list, after a line, a sentence, a word, anywhere. */
const SEAMS = [/(?<=\n)(?=\s{0,8}(?:[-*+]|\d{1,9}[.)])\s)/, /(?<=\n)/, /(?<=[.!?]\s)/, /(?<=\s)/];

function cut(text: string, maxChars: number, seams: readonly RegExp[] = SEAMS): string[] {
  const [seam, ...finer] = seams;
  if (text.length <= maxChars) return [text];
  // A letter may be two characters.
  if (seam === undefined) return text.match(new RegExp(`[^]{1,${Math.floor(maxChars / 2)}}`, "gu")) ?? [text];
  const pieces: string[] = [];
  let piece = "";
  for (const part of text.split(seam).flatMap((part) => cut(part, maxChars, finer))) {
    if (piece.length + part.length > maxChars) {
      pieces.push(piece);
      piece = "";
    }
    piece += part;
  }
  return [...pieces, piece];
}

/** Puts neighbours together as far as they fit. */
function joined(
  pieces: readonly string[],
  { maxChars, between = "\n\n" }: { readonly maxChars: number; readonly between?: string },
): string[] {
  const texts: string[] = [];
  for (const piece of pieces) {
    const last = texts.at(-1);
    if (last !== undefined && last.length + piece.length + between.length <= maxChars) {
      texts[texts.length - 1] = `${last}${between}${piece}`;
    } else texts.push(piece);
  }
  return texts;
}

/** A part of a document that says one thing. */
export interface Chunk {
  /** The headings above it, outermost first: "Fluids and capacities › Engine oil". */
  readonly title: string;
  readonly text: string;
}

export interface ChunkOptions {
  /** Longer sections are cut between paragraphs, sentences or words. Only a block of code may be longer: half a command is none. */
  readonly maxChars: number;
  /** Heads the title of what stands before the first heading. */
  readonly untitled: string;
}

interface Heading {
  readonly level: number;
  readonly text: string;
}

interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

const HEADING = /^ {0,3}(?<marks>#{1,6})\s+(?<text>.*?)\s*#*\s*$/;
const FENCE = /^\s*(?<marks>`{3,}|~{3,})(?<info>.*)$/;

/** Cuts a Markdown document at its headings. Pure; sections without text give no chunk. */
export function chunksOf(markdown: string, { maxChars, untitled }: ChunkOptions): Chunk[] {
  const lines = markdown.replace(/^\uFEFF/, "").split(/\r?\n/);
  return sectionsOf(lines, untitled).flatMap(({ title, lines: body }) => {
    const pieces = blocksOf(body).flatMap((block) => (block.isCode ? [block.text] : cut(block.text, maxChars)));
    const texts = pieces.map((text) => text.trimEnd()).filter((text) => text !== "");
    return joined(texts, maxChars).map((text) => ({ title, text }));
  });
}

function sectionsOf(lines: readonly string[], untitled: string): Section[] {
  const sections: { title: string; lines: string[] }[] = [{ title: untitled, lines: [] }];
  const fences = createFences();
  let path: Heading[] = [];
  for (const line of lines) {
    const { marks, text } = (fences.isCode(line) ? undefined : HEADING.exec(line)?.groups) ?? {};
    if (marks === undefined || text === undefined) sections.at(-1)?.lines.push(line);
    else {
      path = [...path.filter(({ level }) => level < marks.length), { level: marks.length, text }];
      sections.push({ title: path.map((heading) => heading.text).join(" › "), lines: [] });
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
function blocksOf(lines: readonly string[]): Block[] {
  const blocks: { isCode: boolean; lines: string[] }[] = [];
  const fences = createFences();
  let ended = true;
  for (const line of lines) {
    const isCode = fences.isCode(line);
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

/** Where a text that is too long may be cut, best first: after a line, a sentence, a word, anywhere. */
const SEAMS = [/(?<=\n)/, /(?<=[.!?]\s)/, /(?<=\s)/, /(?=[^])/u];

function cut(text: string, maxChars: number, seams: readonly RegExp[] = SEAMS): string[] {
  const [seam, ...finer] = seams;
  if (text.length <= maxChars || seam === undefined) return [text];
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
function joined(pieces: readonly string[], maxChars: number): string[] {
  const texts: string[] = [];
  for (const piece of pieces) {
    const last = texts.at(-1);
    if (last !== undefined && last.length + piece.length + 2 <= maxChars) {
      texts[texts.length - 1] = `${last}\n\n${piece}`;
    } else texts.push(piece);
  }
  return texts;
}

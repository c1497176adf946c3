import { getDocument, type PDFDocumentProxy } from "pdfjs-dist/legacy/build/pdf.mjs";
import { DocumentError, documentLimits, plainLine, type DocumentText } from "./document-kind.ts";

interface Line {
  readonly text: string;
  /** Of its letters, in points. */
  readonly size: number;
  /** To the line before it, in heights of this one; of the first one of a page 2. */
  readonly gap: number;
}

/** Reads the text of a PDF; larger letters are headings. Throws DocumentError. */
export async function pdfToMarkdown(bytes: Uint8Array): Promise<DocumentText> {
  const document = await opened(bytes);
  if (document.numPages > documentLimits.pages) throw new DocumentError(`has more than ${documentLimits.pages} pages`);
  const lines: Line[] = [];
  let chars = 0;
  for (let page = 1; page <= document.numPages; page++) {
    for (const line of await linesOf(document, page)) {
      lines.push(line);
      chars += line.text.length;
    }
    if (chars > documentLimits.textChars) throw new DocumentError("has more text than is read");
  }
  if (lines.length === 0) throw new DocumentError("has no text: it may be a scan");
  return { text: markdownOf(lines), title: await titleOf(document) };
}

async function opened(data: Uint8Array): Promise<PDFDocumentProxy> {
  try {
    // Its bytes are handed over and empty afterwards. Nothing of it is to run, to be drawn or to be fetched.
    const options = { isEvalSupported: false, disableFontFace: true, useSystemFonts: false, stopAtErrors: false };
    return await getDocument({ data: new Uint8Array(data), ...options, verbosity: 0 }).promise;
  } catch (cause) {
    const isLocked = cause instanceof Error && cause.name === "PasswordException";
    throw new DocumentError(isLocked ? "is locked with a password" : "is no PDF that can be read", { cause });
  }
}

async function titleOf(document: PDFDocumentProxy): Promise<string | undefined> {
  const found = await document.getMetadata().catch(() => undefined);
  const title: unknown = found === undefined ? undefined : Reflect.get(found.info, "Title");
  return typeof title === "string" && title.trim() !== "" ? title.trim() : undefined;
}

/** Pieces of text that stand at one height are one line. */
async function linesOf(document: PDFDocumentProxy, number: number): Promise<Line[]> {
  const page = await document.getPage(number);
  const { items } = await page.getTextContent();
  page.cleanup();
  const lines: { text: string; size: number; y: number; end: number }[] = [];
  for (const item of items) {
    if (!("str" in item)) continue;
    const place: readonly unknown[] = item.transform;
    const [x, y] = [Number(place[4]), Number(place[5])];
    const last = lines.at(-1);
    const size = item.height;
    if (last !== undefined && Math.abs(last.y - y) < Math.max(1, last.size / 2)) {
      const isApart = x - last.end > last.size / 5 && !last.text.endsWith(" ");
      last.text += isApart ? ` ${item.str}` : item.str;
      last.size = Math.max(last.size, size);
      last.end = x + item.width;
    } else if (item.str.trim() !== "") lines.push({ text: item.str, size, y, end: x + item.width });
  }
  return lines.map(({ text, size, y }, nth) => {
    const before = lines[nth - 1];
    const gap = before === undefined || size === 0 ? 2 : Math.abs(before.y - y) / size;
    return { text: text.replaceAll(/\s+/g, " ").trim(), size: Math.round(size * 2) / 2, gap };
  });
}

/** A heading is short, and its letters are larger by this. */
const larger = 1.15;
const headingChars = 120;
/** Lines of one paragraph are nearer than this. */
const paragraphGap = 1.8;

function markdownOf(lines: readonly Line[]): string {
  const body = usualSize(lines);
  const isHeading = ({ size, text }: Line): boolean => size > body * larger && text.length <= headingChars;
  const sizes = [...new Set(lines.filter(isHeading).map(({ size }) => size))].toSorted((a, b) => b - a);
  const blocks: string[] = [];
  let isOpen = false;
  for (const line of lines) {
    const last = blocks.at(-1);
    if (isHeading(line)) {
      const level = Math.min(6, 1 + sizes.indexOf(line.size));
      blocks.push(`${"#".repeat(level)} ${line.text}`);
      isOpen = false;
    } else if (isOpen && last !== undefined && line.gap < paragraphGap) {
      blocks[blocks.length - 1] = `${last}\n${plainLine(line.text)}`;
    } else {
      blocks.push(plainLine(line.text));
      isOpen = true;
    }
  }
  return blocks.join("\n\n");
}

/** The size that most letters have. */
function usualSize(lines: readonly Line[]): number {
  const chars = new Map<number, number>();
  for (const { size, text } of lines) chars.set(size, (chars.get(size) ?? 0) + text.length);
  return [...chars].toSorted(([, one], [, other]) => other - one)[0]?.[0] ?? 0;
}

/** What one document may cost. A runbook or a manual has a hundredth of it; what has more was made to stop somebody. */
export const documentLimits = {
  fileBytes: 20 * 2 ** 20,
  /** Of what it says. A book has a million characters. */
  textChars: 4_000_000,
  pages: 2_000,
  /** Of all parts of a DOCX together, unpacked. */
  unpackedBytes: 64 * 2 ** 20,
  /** For reading one, in a thread that is ended then. */
  readMs: 20_000,
  heapMb: 256,
} as const;

/** Why a document cannot be read, as a sentence about it: "is not UTF-8". */
export class DocumentError extends Error {
  override readonly name = "DocumentError";
}

/** What a document says, as text with Markdown's headings, lists, tables and blocks of code. */
export interface DocumentText {
  readonly text: string;
  /** As it calls itself. */
  readonly title?: string | undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Throws DocumentError for what is not UTF-8, or UTF-16 that says so: what its letters are would be a guess. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  try {
    if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le", { fatal: true }).decode(bytes);
    if (first === 0xfe && second === 0xff) return decodeBigEndian(bytes);
    return checked(utf8.decode(bytes));
  } catch (cause) {
    if (cause instanceof DocumentError) throw cause;
    throw new DocumentError("is not UTF-8", { cause });
  }
}

/** Node's own builds know the decoder; those of some distributions do not. */
function decodeBigEndian(bytes: Uint8Array): string {
  const even = bytes.subarray(2, bytes.length - (bytes.length % 2));
  return new TextDecoder("utf-16le", { fatal: true }).decode(Buffer.from(even).swap16());
}

function checked(text: string): string {
  if (text.includes("\0")) throw new DocumentError("is no text");
  return text;
}

/** A line of prose that Markdown would take for a heading or for the edge of a block of code. */
export function plainLine(line: string): string {
  return /^ {0,3}(?:#{1,6}\s|`{3}|~{3})/.test(line) ? `\\${line}` : line;
}

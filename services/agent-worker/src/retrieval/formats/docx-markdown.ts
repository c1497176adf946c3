import { Readable } from "node:stream";
import JSZip from "jszip";
import mammoth from "mammoth";
import { DocumentError, documentLimits, type DocumentText } from "./document-kind.ts";
import { htmlToMarkdown } from "./html-markdown.ts";

/** What a text is made of. Pictures, fonts and macros are not read. */
const READ = /^(?:\[Content_Types\]\.xml|_rels\/.*|word\/(?:[^/]+\.xml|_rels\/.*))$/;

/** Reads the text of a DOCX by way of HTML. Throws DocumentError. */
export async function docxToMarkdown(bytes: Uint8Array): Promise<DocumentText> {
  const buffer = await unpacked(bytes);
  try {
    const noPictures = mammoth.images.imgElement(() => Promise.resolve({ src: "" }));
    const { value } = await mammoth.convertToHtml({ buffer }, { convertImage: noPictures });
    return htmlToMarkdown(value);
  } catch (cause) {
    throw new DocumentError("is no DOCX that can be read", { cause });
  }
}

/**
 * The parts that are read, in an archive without compression: what they take is known before anything reads them whole. A few kilobytes can be made to
 * unpack to gigabytes.
 */
async function unpacked(bytes: Uint8Array): Promise<Buffer> {
  const archive = await JSZip.loadAsync(bytes).catch((cause: unknown) => {
    throw new DocumentError("is no DOCX", { cause });
  });
  const plain = new JSZip();
  let left: number = documentLimits.unpackedBytes;
  for (const [name, entry] of Object.entries(archive.files)) {
    if (entry.dir || !READ.test(name)) continue;
    const part = await partOf(entry, left);
    left -= part.length;
    plain.file(name, part);
  }
  return plain.generateAsync({ type: "nodebuffer", compression: "STORE" });
}

async function partOf(entry: JSZip.JSZipObject, mostBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of new Readable().wrap(entry.nodeStream())) {
      const read: unknown = piece;
      const part = read instanceof Uint8Array ? Buffer.from(read) : Buffer.alloc(0);
      bytes += part.length;
      if (bytes > mostBytes) throw new DocumentError("unpacks to more than is read");
      pieces.push(part);
    }
  } catch (cause) {
    throw cause instanceof DocumentError ? cause : new DocumentError("is a broken archive", { cause });
  }
  return Buffer.concat(pieces);
}

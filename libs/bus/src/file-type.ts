import { ChatError, fileLimits } from "@parley/protocol";
import { fileTypeFromBuffer } from "file-type";

/** What is taken where nobody says: what people show each other, and what models can read. Nothing that a machine runs, and no archives. */
export const defaultFileTypes = [
  "image/*",
  "audio/*",
  "video/mp4",
  "video/webm",
  "video/quicktime",
  "text/*",
  "application/pdf",
  "application/json",
  "application/xml",
  "application/rtf",
  "application/epub+zip",
  "application/vnd.openxmlformats-officedocument.*",
  "application/vnd.oasis.opendocument.*",
] as const;

/** By its content alone; `text` where it may be text, which only all of it can say. */
export type Sniffed = { readonly kind: "binary"; readonly mediaType: string } | { readonly kind: "text" | "unknown" };

/** What browsers record as sound alone stands in the same container as what they film. */
const soundOf: Readonly<Record<string, string>> = {
  "video/webm": "audio/webm",
  "video/mp4": "audio/mp4",
  "video/ogg": "audio/ogg",
  "application/ogg": "audio/ogg",
};
const typesByEnding: Readonly<Record<string, string>> = {
  md: "text/markdown",
  markdown: "text/markdown",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  json: "application/json",
  html: "text/html",
  htm: "text/html",
  xhtml: "text/html",
  svg: "image/svg+xml",
  xml: "application/xml",
  css: "text/css",
  js: "text/javascript",
  mjs: "text/javascript",
  yaml: "text/yaml",
  yml: "text/yaml",
};

/** Reads its beginning; never what the client says of it. Of a hostile file it is `unknown`. */
export async function sniffed(beginning: Uint8Array): Promise<Sniffed> {
  // Text as UTF-16 begins as a rare kind of MPEG sound does, and nobody who reads texts here takes it.
  if (isUtf16(beginning)) return { kind: "unknown" };
  const found = await fileTypeFromBuffer(beginning).catch(() => undefined);
  const type = found?.mime.split(";", 1)[0];
  // It is text with a beginning of its own, and has to be text to its end.
  if (type !== undefined && type !== "application/xml") return { kind: "binary", mediaType: type };
  return { kind: isTextSoFar(beginning) ? "text" : "unknown" };
}

function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

/** Of text that is whole: by how it begins what a browser would run in it, then by the name. */
export function textType(beginning: Uint8Array, name: string): string {
  const head = new TextDecoder().decode(beginning.subarray(0, 4_096)).toLowerCase();
  if (/<svg[\s>:]/.test(head)) return "image/svg+xml";
  if (/<(?:!doctype\s+html|html|head|body|script|iframe)[\s>]/.test(head)) return "text/html";
  const ending = /\.([a-z0-9]{1,10})$/.exec(name.toLowerCase())?.[1] ?? "";
  const byName = Object.hasOwn(typesByEnding, ending) ? typesByEnding[ending] : undefined;
  if (head.trimStart().startsWith("<?xml")) return byName === "image/svg+xml" ? byName : "application/xml";
  return byName ?? "text/plain";
}

/** Whether all that came is UTF-8 without what only binary files have. */
export function createTextCheck() {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let isText = true;
  const take = (bytes: Uint8Array, stream: boolean): void => {
    if (!isText) return;
    try {
      decoder.decode(bytes, { stream });
      isText = !hasControls(bytes);
    } catch {
      isText = false;
    }
  };
  return {
    take: (bytes: Uint8Array): void => take(bytes, true),
    /** A last letter may be cut. */
    isSoFar: (): boolean => isText,
    end(): boolean {
      take(new Uint8Array(), false);
      return isText;
    },
  };
}

function isTextSoFar(beginning: Uint8Array): boolean {
  const check = createTextCheck();
  check.take(beginning.subarray(0, fileLimits.sniffedBytes));
  return check.isSoFar();
}

/** Tabulator, line feed, form feed, carriage return, and escape, which terminals write. */
const plainControls: ReadonlySet<number> = new Set([9, 10, 12, 13, 27]);

/** A loop without a function: it reads megabytes. */
function hasControls(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte < 32 && !plainControls.has(byte)) return true;
  return false;
}

/** The type to be kept: what it is, but as sound where its client says that it is sound alone. */
export function keptType(sniffedType: string, declared: string): string {
  const sound = soundOf[sniffedType];
  return sound !== undefined && declared.startsWith("audio/") ? sound : sniffedType;
}

export function isAllowed(type: string, allowed: readonly string[]): boolean {
  return allowed.some((pattern) => (pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern));
}

/** With what it is, and not what it is called. */
export function notAllowed(type: string | undefined): ChatError {
  const what =
    type === undefined ? "It is neither text (UTF-8) nor of a kind that is known here" : `By its content it is ${type}`;
  return new ChatError("UNSUPPORTED", { message: `This file is not accepted. ${what}, whatever its name says.` });
}

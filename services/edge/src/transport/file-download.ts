import type { ByteRange } from "@parley/bus";
import { ChatError, type FileId, type FileRecord } from "@parley/protocol";
import type { HttpResponse } from "uWebSockets.js";
import { z } from "zod";
import type { FileCommands } from "../commands/files/files.ts";
import type { Exchange } from "./exchange.ts";
import { contentDisposition } from "./content-disposition.ts";
import { rangeOf } from "./file-range.ts";
import { chatErrorReply, writeHead, type Reply } from "./reply.ts";
import type { Call } from "./route.ts";

export const downloadHeaders = ["range", "if-range", "if-none-match"] as const;

export const inlineField = z
  .string()
  .optional()
  .describe("`1`: to be shown, where it is a picture, a sound, a film, a PDF or plain text. Else it is to be saved.");

/** What a browser may show where it stands. Nothing of it runs. */
const shownTypes =
  /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/[\w.+-]+|video\/(?:mp4|webm|quicktime)|application\/pdf|text\/plain)$/;

/** The answer to whoever wants the bytes of a file. */
export function createFileDownload(files: FileCommands) {
  return async ({ caller, exchange }: Call, id: FileId, inline: string | undefined): Promise<Reply | undefined> => {
    const record = await files.readable(caller, id);
    if (record.status !== "stored") {
      const message = `The file is not there yet: ${record.offset} of ${record.bytes} bytes are.`;
      throw new ChatError("CONFLICT", { message });
    }
    const headers = headersOf(record, inline === "1");
    const { etag } = headers;
    if (hasIt(exchange.header("if-none-match"), etag)) return { status: 304, headers, body: "" };
    const ifRange = exchange.header("if-range");
    const range = ifRange === "" || ifRange === etag ? rangeOf(exchange.header("range"), record.bytes) : undefined;
    if (range === "none") return noSuchRange(record);
    send(exchange, { status: range === undefined ? 200 : 206, headers, record, range }, files);
    return undefined;
  };
}

function headersOf({ sha256 = "", media_type: type, name }: FileRecord, isInline: boolean) {
  const isShown = isInline && shownTypes.test(type);
  return {
    etag: `"${sha256}"`,
    "accept-ranges": "bytes",
    // What a browser would run is never called what it is.
    "content-type": shownTypes.test(type) ? withCharset(type) : "application/octet-stream",
    "content-disposition": contentDisposition(isShown ? "inline" : "attachment", name),
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=0, must-revalidate",
  };
}

function withCharset(type: string): string {
  return type === "text/plain" ? "text/plain; charset=utf-8" : type;
}

/** `*`, or a list of tags; weak ones count, as nothing but the bytes makes a tag. */
function hasIt(said: string, etag: string): boolean {
  return said.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}

function noSuchRange({ bytes }: FileRecord): Reply {
  const error = new ChatError("INVALID_FRAME", { message: `The file has ${bytes} bytes, and none of these.` });
  const reply = chatErrorReply(error, {}, 416);
  return { ...reply, headers: { ...reply.headers, "content-range": `bytes */${bytes}` } };
}

interface Sending {
  readonly status: 200 | 206;
  readonly headers: Readonly<Record<string, string>>;
  readonly record: FileRecord;
  readonly range: ByteRange | undefined;
}

function send(exchange: Exchange, { status, headers, record, range }: Sending, files: FileCommands): void {
  const { bytes } = record;
  const { from, to } = range ?? { from: 0, to: bytes - 1 };
  const partial = range === undefined ? {} : { "content-range": `bytes ${from}-${to}/${bytes}` };
  const isHead = exchange.method === "HEAD";
  const response = exchange.take();
  if (response === undefined) return;
  const length = to - from + 1;
  response.cork(() => {
    const ofExchange = Object.fromEntries(exchange.headers);
    writeHead(response, status, { ...ofExchange, ...headers, ...partial });
    if (!isHead) return;
    response.writeHeader("content-length", String(length));
    response.endWithoutBody();
  });
  if (isHead) return;
  const writer = createBodyWriter(exchange, response, length);
  const work = async (): Promise<void> => {
    for await (const piece of files.bytesOf(record, { from, to })) {
      if (!(await writer.write(piece))) return;
      files.sent(piece.length);
    }
  };
  // Its head is sent: all that can still be said is that it is not whole.
  void work().catch(() => writer.breakOff());
}

/** Writes a body of a known length no faster than its client reads: one piece is in memory, and what the socket holds of it. */
function createBodyWriter(exchange: Exchange, response: HttpResponse, length: number) {
  let isGone = false;
  let waiting: ((isOpen: boolean) => void) | undefined;
  let rest: { readonly bytes: Uint8Array; readonly at: number } | undefined;
  exchange.onGone(() => {
    isGone = true;
    waiting?.(false);
    waiting = undefined;
  });
  /** Whether the socket has all of it. */
  const offer = (bytes: Uint8Array): boolean => {
    const at = response.getWriteOffset();
    let hasAll = false;
    response.cork(() => {
      const [isTaken, isDone] = response.tryEnd(bytes, length);
      hasAll = isTaken || isDone;
    });
    if (!hasAll) rest = { bytes, at };
    return hasAll;
  };
  response.onWritable((offset) => {
    if (rest === undefined || isGone) return true;
    const { bytes, at } = rest;
    rest = undefined;
    const hasAll = offer(bytes.subarray(offset - at));
    if (hasAll) waiting?.(true);
    if (hasAll) waiting = undefined;
    return hasAll;
  });
  return {
    /** Resolves when the next one may be written; false: the client is gone. */
    write(bytes: Uint8Array): Promise<boolean> {
      if (isGone) return Promise.resolve(false);
      if (offer(bytes)) return Promise.resolve(true);
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
    breakOff(): void {
      if (!isGone) exchange.close();
    },
  };
}

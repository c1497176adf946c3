import { ChatError } from "@parley/protocol";
import uWS from "uWebSockets.js";
import { z } from "zod";

/** A file of a form. */
export interface FormFile {
  /** As its sender calls it. */
  readonly name: string;
  readonly bytes: Buffer;
}

export const FormFile = z
  .custom<FormFile>((value) => typeof value === "object" && value !== null && "bytes" in value, "must be a file")
  .meta({ type: "string", format: "binary", description: "The file." });

const utf8 = new TextDecoder("utf-8", { fatal: true });
const mostFieldBytes = 4_096;

/** The fields of a form: texts, and files with their names. The first of a name counts. Throws INVALID_FRAME for what is none. */
export function parseForm(bytes: Buffer, contentType: string): Record<string, unknown> {
  const parts = /^multipart\/form-data\s*;/i.test(contentType) ? uWS.getParts(bytes, contentType) : undefined;
  if (parts === undefined) throw new ChatError("INVALID_FRAME", { message: "Send a form as multipart/form-data." });
  const fields = new Map<string, unknown>();
  for (const { name, filename, data } of parts) {
    if (fields.has(name)) continue;
    // The library lends the memory of the body.
    const content = Buffer.from(Buffer.from(data));
    fields.set(name, filename === undefined ? textOf(name, content) : { name: fileName(filename), bytes: content });
  }
  return Object.fromEntries(fields);
}

function textOf(name: string, content: Buffer): string {
  try {
    if (content.length <= mostFieldBytes) return utf8.decode(content);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: `The field ${name.slice(0, 64)} is not UTF-8.`, cause });
  }
  throw new ChatError("MESSAGE_TOO_LARGE", {
    message: `The field ${name.slice(0, 64)} is larger than ${mostFieldBytes} bytes.`,
  });
}

/** Browsers send a name without a folder; other programs may not. */
function fileName(name: string): string {
  return (name.split(/[\\/]/).at(-1) ?? "").toWellFormed();
}

import { ChatError, fitsFrame, limits, parseWellFormed, saysTooMuch } from "@parley/protocol";
import type { Exchange } from "./exchange.ts";

/** Throws where another decoder would put U+FFFD: what the caller meant is not known then. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Forms of other sites can send everything but this without being asked for. */
function isJson({ header }: Exchange): boolean {
  return header("content-type").split(";", 1)[0]?.trim().toLowerCase() === "application/json";
}

/** Why the body cannot be read as what its headers say it is. */
export function bodyTypeProblem(exchange: Exchange, takesAnyType: boolean): string | undefined {
  if (!takesAnyType && !isJson(exchange)) return "Send JSON as application/json.";
  const encoding = exchange.header("content-encoding").trim().toLowerCase();
  if (encoding !== "" && encoding !== "identity") return "Send the body as it is, without a content-encoding.";
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(exchange.header("content-type"))?.[1]?.toLowerCase();
  if (charset !== undefined && !readCharsets.has(charset)) return "Send the body as UTF-8; no other charset is read.";
  return undefined;
}

/** ASCII is UTF-8 too. */
const readCharsets: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii", "ascii"]);

/** `maxBytes`: of a route that takes more than a frame, and looks itself at what is in it. */
export function parseBody(bytes: Buffer, maxBytes: number | undefined): unknown {
  if (maxBytes !== undefined && hasMoreValues(bytes, mostValues)) {
    const message = `The body has more than ${mostValues} values.`;
    throw new ChatError("MESSAGE_TOO_LARGE", { message });
  }
  const text = textOf(bytes);
  if (text.trim() === "") return {};
  if (maxBytes !== undefined) return jsonOf(text, false);
  if (saysTooMuch(text)) throw tooLarge();
  const isLong = bytes.length > limits.clientFrameBytes;
  const body = jsonOf(text, isLong);
  if (isLong && !fitsFrame(body)) throw tooLarge();
  return body;
}

/** Each `{}` of megabytes becomes an object, and each key an entry: ten times the work and the memory of as much text. A long history has a tenth of this. */
const mostValues = 96 * 1024;

const [quote, backslash, comma, openList, openObject] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b];

/** Whether JSON text has more entries and lists and objects, without parsing it. Of what is no JSON it may say anything. */
export function hasMoreValues(bytes: Buffer, most: number): boolean {
  if (bytes.length <= most) return false;
  let count = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) at = endOfString(bytes, at);
    else if ((byte === comma || byte === openList || byte === openObject) && ++count > most) return true;
  }
  return false;
}

function endOfString(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === backslash) at++;
    else if (bytes[at] === quote) return at;
  }
  return bytes.length;
}

function jsonOf(text: string, isLong: boolean): unknown {
  try {
    return parseWellFormed(text);
  } catch (cause) {
    throw isLong ? tooLarge() : new ChatError("INVALID_FRAME", { message: "The body is not JSON.", cause });
  }
}

export function tooLarge(maxBytes: number = limits.clientFrameBytes): ChatError {
  return new ChatError("MESSAGE_TOO_LARGE", { message: `The body is larger than ${maxBytes / 1024} KB.` });
}

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ChatError("INVALID_FRAME", { message: "The body is not UTF-8.", cause });
  }
}

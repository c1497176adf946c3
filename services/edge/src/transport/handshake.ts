import { ChatError } from "@parley/protocol";
import type { HttpRequest } from "uWebSockets.js";
import { chatErrorReply, type Reply } from "./reply.ts";

type Request = Pick<HttpRequest, "getHeader" | "forEach">;

/** Base64 of 16 bytes, also of those who make up its last letter. */
const sixteenBytes = /^[A-Za-z0-9+/]{22}==$/;

/**
 * Why a request is no opening handshake of RFC 6455 (4.2.1); undefined: it is one. The library looks at nothing but the presence of a key: a client of
 * another version, or a proxy that passes only half of the headers, would be left with a socket that it cannot use, or does not know of.
 */
export function handshakeRefusal(request: Request): Reply | undefined {
  if (!names(request, "upgrade", "websocket")) return refusal(400, "The header Upgrade must be websocket.");
  if (!names(request, "connection", "upgrade")) return refusal(400, "The header Connection must have Upgrade in it.");
  if (request.getHeader("sec-websocket-version").trim() !== "13") {
    return refusal(426, "Only version 13 of WebSocket is spoken.", { "sec-websocket-version": "13" });
  }
  if (!sixteenBytes.test(request.getHeader("sec-websocket-key"))) {
    return refusal(400, "The header Sec-WebSocket-Key must be 16 bytes as base64.");
  }
  return undefined;
}

/** Whether a word is in the list that a header is. The list may be divided into several lines, of which the library gives the first. */
function names(request: Request, header: string, word: string): boolean {
  if (has(request.getHeader(header), word)) return true;
  let isThere = false;
  request.forEach((name, value) => {
    isThere ||= name === header && has(value, word);
  });
  return isThere;
}

function has(list: string, word: string): boolean {
  return list.split(",").some((entry) => entry.trim().toLowerCase() === word);
}

function refusal(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Reply {
  const reply = chatErrorReply(new ChatError("UNSUPPORTED", { message }), {}, status);
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

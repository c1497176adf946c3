import type { HttpResponse } from "uWebSockets.js";

/** The address of whoever opened the TCP connection, as text. */
export function peerOf(response: HttpResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString("latin1");
}

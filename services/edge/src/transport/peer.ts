import type { HttpRequest, HttpResponse } from "uWebSockets.js";
import type { Addresses, Whence } from "../admission/address.ts";

/** The address of whoever opened the TCP connection, as text. */
export function peerOf(response: Pick<HttpResponse, "getRemoteAddressAsText">): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString("latin1");
}

/** From where a request comes, also behind proxies that are trusted. To be called before its handler returns. */
export function whenceOf(addresses: Addresses, response: HttpResponse, request: HttpRequest): Whence {
  const peer = peerOf(response);
  if (!addresses.believes(peer)) {
    if (request.getHeader("x-forwarded-for") !== "") addresses.unbelieved(peer);
    return addresses.whence(peer);
  }
  // A proxy may add a line of its own behind that of its client, and a look-up by name sees the first one only.
  const forwardedFor: string[] = [];
  const forwarded: string[] = [];
  request.forEach((name, value) => {
    if (name === "x-forwarded-for") forwardedFor.push(value);
    else if (name === "forwarded") forwarded.push(value);
  });
  return addresses.whence(peer, { forwardedFor: forwardedFor.join(","), forwarded: forwarded.join(",") });
}

import type { Exchange } from "./exchange.ts";

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;
const named = /^[a-z\d.-]{1,253}(:\d{1,5})?$|^\[[\da-f:.]{2,45}\](:\d{1,5})?$/i;

/** Whether a host, with its port, is this machine by name. */
export function isLoopbackHost(host: string): boolean {
  return loopback.test(host);
}

/** Under which address, without a path, the client of a request reaches this deployment. */
export type OriginOf = (exchange: Pick<Exchange, "header">) => string;

/**
 * `publicUrl` is the answer where it is set. Else it is the host that the client wrote: HTTP is spoken with this machine alone, as whatever else is public has TLS in
 * front of it.
 */
export function createOriginOf(publicUrl: string | undefined): OriginOf {
  return ({ header }) => {
    if (publicUrl !== undefined) return publicUrl;
    const host = header("host");
    if (!named.test(host)) return "http://localhost";
    return `${loopback.test(host) ? "http" : "https"}://${host}`;
  };
}

/**
 * Where notices to devices may be sent. Browsers name the address themselves, and so can anybody who says to be one: without a bound the service could be made to
 * ask any address for anything.
 */

/** Those of Chromium, Firefox, Edge and Safari. */
export const knownPushHosts = "fcm.googleapis.com,*.push.services.mozilla.com,*.notify.windows.com,*.push.apple.com";

const longestEndpoint = 2_048;
const hostForm = /^(?:\*|(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/;

/** `own`: of the operator's network, so it may be anywhere, and without TLS. `public`: asked with TLS at a public address only. */
export type PushPlace = "own" | "public";

/** The entries of a list; undefined: one of them is none. */
export function pushHostsIn(text: string): readonly string[] | undefined {
  const entries = text.split(",").map((entry) => entry.trim().toLowerCase());
  return entries.every((entry) => hostForm.test(entry) || isOriginText(entry)) ? entries : undefined;
}

/** Undefined: nothing is sent there. */
export function pushPlaceOf(endpoint: string, hosts: readonly string[]): PushPlace | undefined {
  if (endpoint.length > longestEndpoint || !URL.canParse(endpoint)) return undefined;
  const { protocol, origin, hostname, port, username, password, hash } = new URL(endpoint);
  if (username !== "" || password !== "" || hash !== "") return undefined;
  if (hosts.includes(origin)) return "own";
  // Another port of a public host is somebody else's door.
  if (protocol !== "https:" || port !== "") return undefined;
  const isListed = hosts.some((entry) => {
    if (entry === "*") return true;
    return entry.startsWith("*.") ? hostname.endsWith(entry.slice(1)) : hostname === entry;
  });
  return isListed ? "public" : undefined;
}

function isOriginText(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

import { isOrigin } from "@parley/runtime";

export interface OriginRules {
  /** Origins of other sites that may connect, e.g. `https://chat.example.org`, or `https://*.example.org` for all below a name. */
  readonly allowed: readonly string[];
  /** Pages served from this machine may connect from any port: for development. */
  readonly allowLoopback: boolean;
}

const loopbackHosts: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Stands for one label or several at the beginning of a host, and nowhere else. */
const wildcard = "://*.";

/** Whether it can be allowed: an origin, or all below a name that has two parts at least. */
export function isAllowedOrigin(text: string): boolean {
  if (!text.includes("*")) return isOrigin(text);
  const [scheme = "", rest = ""] = text.split(wildcard, 2);
  return (
    isOrigin(`${scheme}://${rest}`) && /^[^.:]+\.[^:]+(:\d+)?$/.test(rest) && text === `${scheme}${wildcard}${rest}`
  );
}

/**
 * Whether a page of this origin may open a socket. Browsers always send the origin of the page, and cookies or network position must not
 * let a foreign page act for its visitor. Programs that are not browsers send none and pass: they need a token like everybody. Pages without an origin
 * of their own (`null`: a file, a frame in a sandbox) anybody can make: they never may.
 */
export function mayConnect(origin: string, host: string, { allowed, allowLoopback }: OriginRules): boolean {
  if (origin === "") return true;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url === undefined) return false;
  if (allowed.some((one) => one === origin || isBelow(one, origin))) return true;
  return url.host === host || (allowLoopback && loopbackHosts.has(url.hostname));
}

function isBelow(pattern: string, origin: string): boolean {
  const at = pattern.indexOf(wildcard);
  if (at === -1) return false;
  const scheme = pattern.slice(0, at + 3);
  const end = pattern.slice(at + wildcard.length - 1);
  const label = origin.slice(scheme.length, -end.length);
  return origin.startsWith(scheme) && origin.endsWith(end) && /^[a-z\d-]+(\.[a-z\d-]+)*$/.test(label);
}

import { isIP } from "node:net";

const name = /^[a-z\d_]([-a-z\d_]*[a-z\d_])?(\.[a-z\d_]([-a-z\d_]*[a-z\d_])?)*\.?$/i;

/** Whether a text can be where a process listens, or whom it asks: an IP address or a name. Digits and dots that are no address are neither. */
export function isHost(text: string): boolean {
  return isIP(text) !== 0 || (name.test(text) && !/^[\d.]+$/.test(text));
}

/** The address, if it has one of the schemes and a host; undefined otherwise. */
function addressOf(text: string, schemes: readonly string[]): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !schemes.includes(url.protocol)) return undefined;
  return isHost(url.hostname.replace(/^\[(.*)\]$/, "$1")) ? url : undefined;
}

/** Whether it is an address that begins with http:// or https://. */
export function isHttpAddress(text: string): boolean {
  return addressOf(text, ["http:", "https:"]) !== undefined;
}

/** The servers of a comma-separated list; undefined when one of them is no address of a NATS server. */
export function natsServersOf(list: string): URL[] | undefined {
  const servers = list.split(",").map((server) => {
    const text = server.trim();
    return addressOf(/^[a-z]+:\/\//.test(text) ? text : `nats://${text}`, ["nats:", "tls:"]);
  });
  const known = servers.filter((server) => server !== undefined);
  return known.length === servers.length ? known : undefined;
}

/** Whether Redis can be asked there: `redis://…`, `rediss://…`, or the path of a socket. */
export function isRedisAddress(text: string): boolean {
  return text.startsWith("/") || addressOf(text, ["redis:", "rediss:"]) !== undefined;
}

/**
 * Whether a browser can name a page's origin like this. It is compared letter by letter, so one that a browser writes in another way (a path, a closing
 * slash, capitals, the scheme's own port) would never match. Applications have schemes of their own.
 */
export function isOrigin(text: string): boolean {
  if (/^https?:/i.test(text)) return isHttpAddress(text) && new URL(text).origin === text;
  return /^[a-z][a-z\d+.-]*:\/\/[a-z\d._-]+(:\d+)?$/.test(text);
}

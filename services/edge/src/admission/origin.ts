export interface OriginRules {
  /** Origins of other sites that may connect, e.g. `https://chat.example.org`. */
  readonly allowed: readonly string[];
  /** Pages served from this machine may connect from any port: for development. */
  readonly allowLoopback: boolean;
}

const loopbackHosts: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Whether a page of this origin may open a socket. Browsers always send the origin of the page, and cookies or network position must not
 * let a foreign page act for its visitor. Programs that are not browsers send none and pass: they need a token like everybody.
 */
export function mayConnect(origin: string, host: string, { allowed, allowLoopback }: OriginRules): boolean {
  if (origin === "" || allowed.includes(origin)) return true;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url === undefined) return false;
  return url.host === host || (allowLoopback && loopbackHosts.has(url.hostname));
}

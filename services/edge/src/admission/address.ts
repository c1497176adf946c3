import ipaddr from "ipaddr.js";

/** From where a request or a socket comes. */
export interface Whence {
  /** As limits and blocks count it: an IPv4 address, or the /64 of an IPv6 one, of which a household or a server has at least one. */
  readonly address: string;
  /** No limit of the table applies to it. */
  readonly isExempt: boolean;
  /** Where two headers do not agree: what they say. One is the client's own, and nobody knows which; who is kept out by either stays out. */
  readonly claims?: readonly string[];
}

/** The headers in which proxies say for whom they ask; several lines of one are one line with commas. */
export interface ProxyHeaders {
  readonly forwardedFor: string;
  readonly forwarded: string;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

export interface ProxyRules {
  /** Proxies that are believed, as CIDRs. */
  readonly trusted: readonly string[];
  /** Clients to whom no limit applies, as CIDRs. */
  readonly exempt: readonly string[];
}

/** What loopback is, for development. */
export const loopback: readonly string[] = ["127.0.0.0/8", "::1/128"];

/** As limits and blocks count an address, which may be a /64 already; undefined: it is none. */
export function countedAddress(text: string): string | undefined {
  const address = parse(text.replace(/\/64$/, ""));
  if (address === undefined || (text.endsWith("/64") && address.kind() === "ipv4")) return undefined;
  return counted(address);
}

/** Whether it is a block of addresses, or a single one. */
export function isCidr(text: string): boolean {
  return text.includes("/") ? ipaddr.isValidCIDR(text) : parse(text) !== undefined;
}

export type Addresses = ReturnType<typeof createAddresses>;

/**
 * Who asks, where proxies stand in between. Only a peer that is trusted is believed, and of what it passes on only the addresses from the right, up to
 * and including the first one that is no trusted proxy: all that stands left of it anybody could have written.
 */
export function createAddresses(rules: ProxyRules, onUnbelieved: (peer: string) => void = () => {}) {
  let isTold = false;
  const trusted = rules.trusted.map(rangeOf);
  const exempt = rules.exempt.map(rangeOf);
  const isTrusted = (address: Address): boolean => isWithin(address, trusted);

  return {
    /**
     * Whether an address, as limits count it, is never to be blocked: proxies, behind which others stand, and what is exempt. Of an IPv6 range within one
     * /64 all of that.
     */
    isSpared(counted: string): boolean {
      const address = parse(counted.replace(/\/64$/, ""));
      if (address === undefined) return false;
      return [...trusted, ...exempt].some(([network, bits]) => isWithin(address, [wholeNetwork(network, bits)]));
    },

    /** A peer says for whom it asks, and is not believed: a stranger, or a proxy that nobody has named, whose clients all share one bucket. Told once. */
    unbelieved(peer: string): void {
      if (!isTold) onUnbelieved(peer);
      isTold = true;
    },

    /** Whether the headers of this peer are worth reading. */
    believes(peer: string): boolean {
      if (trusted.length === 0) return false;
      const address = parse(peer);
      return address !== undefined && isTrusted(address);
    },

    /** `headers`: of a peer that is believed. */
    whence(peer: string, headers?: ProxyHeaders): Whence {
      const own = parse(peer);
      if (own === undefined) return { address: peer, isExempt: false };
      if (headers === undefined || !isTrusted(own)) return { address: counted(own), isExempt: isWithin(own, exempt) };
      const [client, ...more] = clientsOf(headers, isTrusted);
      if (client !== undefined && more.length === 0)
        return { address: counted(client), isExempt: isWithin(client, exempt) };
      // What is passed on without saying for whom is the proxy's own: one bucket for all of it, and never what is exempt.
      const claims = [client, ...more].flatMap((one) => (one === undefined ? [] : [counted(one)]));
      return { address: counted(own), isExempt: false, ...(claims.length === 0 ? {} : { claims }) };
    },
  };
}

/** One: whom the headers name; several: what each of them says, as they do not agree. `undefined`: it names nobody. */
function clientsOf(
  { forwardedFor, forwarded }: ProxyHeaders,
  isTrusted: (address: Address) => boolean,
): readonly (Address | undefined)[] {
  const one = forwardedFor === "" ? undefined : firstForeign(forwardedFor.split(","), isTrusted);
  if (forwarded === "") return [one];
  const other = firstForeign(forwarded.split(",").map(forOf), isTrusted);
  if (forwardedFor === "" || one?.toNormalizedString() === other?.toNormalizedString()) return [other];
  return [one, other];
}

/** From the right, the first that is no trusted proxy; undefined where there is none, or something else stands before it. */
function firstForeign(hops: readonly string[], isTrusted: (address: Address) => boolean): Address | undefined {
  for (const hop of hops.toReversed()) {
    const address = parse(hostOf(hop.trim()));
    if (address === undefined || !isTrusted(address)) return address;
  }
  return undefined;
}

/** The `for` of one element of `Forwarded` (RFC 7239), without its quotes. */
function forOf(element: string): string {
  return /(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^\s;"]+))\s*(?:;|$)/i.exec(element)?.slice(1).find(Boolean) ?? "";
}

/** Some proxies add the port. */
function hostOf(hop: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1];
  return bracketed ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop;
}

/** An IPv4 address that is written as an IPv6 one is the IPv4 address. Undefined: it is none, or one of the abbreviations that only some programs read. */
function parse(text: string): Address | undefined {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return undefined;
  if (text.includes("%")) return undefined;
  return ipaddr.process(text);
}

function rangeOf(text: string): Range {
  if (text.includes("/")) return mapped(ipaddr.parseCIDR(text));
  const address = ipaddr.process(text);
  return [address, address.kind() === "ipv4" ? 32 : 128];
}

function mapped([address, bits]: Range): Range {
  if (!(address instanceof ipaddr.IPv6) || !address.isIPv4MappedAddress() || bits < 96) return [address, bits];
  return [address.toIPv4Address(), bits - 96];
}

function isWithin(address: Address, ranges: readonly Range[]): boolean {
  return ranges.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits));
}

function wholeNetwork(network: Address, bits: number): Range {
  return [network, network instanceof ipaddr.IPv6 ? Math.min(bits, 64) : bits];
}

function counted(address: Address): string {
  if (address instanceof ipaddr.IPv4) return address.toString();
  const network = new ipaddr.IPv6([...address.parts.slice(0, 4), 0, 0, 0, 0]);
  return `${network.toString()}/64`;
}

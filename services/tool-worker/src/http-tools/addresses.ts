import { lookup as lookUp, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

function subnets(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [net = "", bits = ""] = range.split("/");
    list.addSubnet(net, Number(bits), isIP(net) === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/** Clouds tell the credentials of a machine here: never the address of a service. */
const linkLocal = subnets(["169.254.0.0/16", "fe80::/10"]);
/** IANA's registries of special addresses: this machine, private and shared networks, tests, multicast. IPv4 that is written as IPv6 is judged as IPv4. */
const notPublic = subnets([
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16"],
  ...["198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"],
  ...["::/127", "fc00::/7", "ff00::/8", "64:ff9b::/96"],
]);

/** Why a service may not be there; undefined: it may. */
export function addressProblem(address: string, allowPrivate: boolean): string | undefined {
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  if (linkLocal.check(address, family)) return `${address} is a link-local address`;
  if (allowPrivate || !notPublic.check(address, family)) return undefined;
  return `${address} is not a public address, and private_addresses is not set`;
}

/** The name leads to where no service may be. */
export class AddressError extends Error {}

/** Judges an address where the connection is made: a name may lead elsewhere a moment later. */
export function guardedLookup(allowPrivate: boolean): LookupFunction {
  return (host: string, options: LookupOptions, callback): void => {
    lookUp(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const problem = addresses?.map(({ address }) => addressProblem(address, allowPrivate)).find(Boolean);
      const [first] = addresses ?? [];
      if (error !== null) callback(error, []);
      else if (problem !== undefined) callback(new AddressError(`${host} leads to ${problem}`), []);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? "", first?.family);
    });
  };
}

/** An address is looked up by nobody. */
export function literalProblem({ hostname }: URL, allowPrivate: boolean): string | undefined {
  const host = hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? undefined : addressProblem(host, allowPrivate);
}

import { BlockList, isIPv6 } from "node:net";
import type { AddressRules } from "@parley/protocol";

/** Whether an address, as limits count it, is in one of the ranges. */
export type InRanges = (address: string) => boolean;

const nowhere: InRanges = () => false;

/** Addresses and ranges (CIDR) as they stand in `config/limits.yaml`. */
export function createRanges(ranges: readonly string[]): InRanges {
  if (ranges.length === 0) return nowhere;
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => {
    // An IPv6 address counts with its /64.
    const bare = address.split("/", 1)[0] ?? "";
    try {
      return list.check(bare, isIPv6(bare) ? "ipv6" : "ipv4");
    } catch {
      // No address: unknown, or a socket of the machine.
      return false;
    }
  };
}

/** The rules of a file that is read again, made into lists once for each reading. */
export function createAddressRules(current: () => AddressRules) {
  let rules: AddressRules | undefined;
  let lists = { isAllowed: nowhere, isDenied: nowhere };
  return {
    /** Whether they have changed since it was asked last. */
    refresh(): boolean {
      const now = current();
      if (now === rules) return false;
      rules = now;
      lists = { isAllowed: createRanges(now.allow), isDenied: createRanges(now.deny) };
      return true;
    },
    isAllowed: (address: string): boolean => lists.isAllowed(address),
    isDenied: (address: string): boolean => lists.isDenied(address) && !lists.isAllowed(address),
  };
}

import { z } from "zod";
import { RightsByRole } from "./authority.ts";

const maxRanges = 1_000;
const range = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: "must be an address, or a range of addresses such as 203.0.113.0/24 or 2001:db8::/32",
});
const Ranges = z.array(range).max(maxRanges).default([]);

/** Who may come from where: what is allowed is never blocked, what is denied gets nothing. An address in both is allowed. */
export const AddressRules = z.strictObject({ allow: Ranges, deny: Ranges });
export type AddressRules = z.infer<typeof AddressRules>;

/** `config/limits.yaml`: what callers may do by their roles, and from where they may come. */
export const LimitsFile = z.strictObject({
  roles: RightsByRole,
  addresses: AddressRules.default({ allow: [], deny: [] }),
});
export type LimitsFile = z.infer<typeof LimitsFile>;

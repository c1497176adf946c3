import { BlockList, isIP } from "node:net";
import { ActionPattern } from "@parley/protocol";
import { z } from "zod";
import { groupName } from "./identity.ts";

const maxKeys = 1_000;
/** It stands in metrics and in the log, and a key is revoked by it. */
const keyName = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const keyHash = /^sha256:[\w-]{43}$/;
/** Addresses of the new protocol count by their first half: whoever has one has all of them. */
const maxIpv6Prefix = 64;

const GroupName = z
  .string()
  .regex(groupName, "must be 1 to 64 letters, digits or . _ : @ / -, a letter or digit first");

/** Dates are written as YAML writes them, which is a text for its reader too. */
const DateTime = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: "must be a date such as 2027-01-31, or with a time 2027-01-31T12:00:00Z",
  })
  .transform((text) => Date.parse(text));

interface Subnet {
  readonly network: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

function subnetOf(text: string): Subnet | undefined {
  const [network = "", given, ...more] = text.split("/");
  const version = isIP(network);
  if (version === 0 || more.length > 0) return undefined;
  const maxBits = version === 4 ? 32 : maxIpv6Prefix;
  const bits = given === undefined ? maxBits : Number(/^\d{1,3}$/.test(given) ? given : NaN);
  return bits <= maxBits ? { network, bits, family: version === 4 ? "ipv4" : "ipv6" } : undefined;
}

const Addresses = z
  .array(
    z
      .string()
      .refine(
        (text) => subnetOf(text) !== undefined,
        `must be an address or a network such as 10.0.0.0/8 (of IPv6 at most /${maxIpv6Prefix})`,
      ),
  )
  .min(1)
  .max(100)
  .transform((texts) => {
    const list = new BlockList();
    for (const { network, bits, family } of texts.flatMap((text) => subnetOf(text) ?? [])) {
      list.addSubnet(network, bits, family);
    }
    return list;
  });

export const ApiKeyEntry = z.strictObject({
  name: z.string().regex(keyName, "must be 1 to 32 small letters, digits or '-'"),
  hash: z.string().regex(keyHash, "must be the hash that `npm run keys -- create` has printed, not the key"),
  user: z.string().min(1).max(128),
  tenant: GroupName.optional(),
  roles: z.array(GroupName).max(32).default([]),
  /** Not left out: what a key may do is said on purpose. */
  scopes: z.array(ActionPattern).min(1).max(100),
  created: DateTime,
  expires: DateTime.optional(),
  addresses: Addresses.optional(),
});
export type ApiKeyEntry = z.infer<typeof ApiKeyEntry>;

/** `config/api-keys.yaml`: the keys of servers, of which only hashes are kept. */
export const ApiKeysFile = z.strictObject({
  keys: z
    .array(ApiKeyEntry)
    .max(maxKeys)
    .superRefine((keys, context) => {
      for (const [place, key] of keys.entries()) {
        for (const field of ["name", "hash"] as const) {
          if (keys.findIndex((other) => other[field] === key[field]) === place) continue;
          context.addIssue({
            code: "custom",
            path: [place, field],
            message: `must not be the ${field} of another key`,
          });
        }
      }
    })
    .default([]),
});
export type ApiKeysFile = z.infer<typeof ApiKeysFile>;

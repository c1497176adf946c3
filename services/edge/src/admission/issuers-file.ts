import { isHttpAddress } from "@parley/runtime";
import { z } from "zod";
import { groupName } from "./identity.ts";
import { firebaseName, issuerAlgorithms } from "./issuer-tokens.ts";
import { sharedSecretName } from "./shared-secret.ts";

/** Each has a timer and asks for keys; far more than anybody has. */
const maxIssuers = 32;
const maxNames = 500;
/** Of a name within a user's id, which has room for a usual subject behind it. */
const issuerName = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const reserved: ReadonlySet<string> = new Set([sharedSecretName, firebaseName, "none"]);
const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Where keys may be asked for: whoever can answer in the issuer's place can make tokens. */
export function isKeyAddress(text: string): boolean {
  if (!isHttpAddress(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || loopback.has(hostname);
}

export const keyAddressError = "must be an https address without user and password, or an http one of this machine";

const text = (maxChars: number) => z.string().trim().min(1).max(maxChars);

const GroupName = z
  .string()
  .regex(groupName, "must be 1 to 64 letters, digits or . _ : @ / -, a letter or digit first");

/** A claim's name, or the names of claims within each other, from the outermost on. */
const Claim = z
  .union([text(256).transform((name) => [name]), z.array(text(256)).min(1).max(8)], {
    error: "must be the name of a claim, or a list of names that lead to it",
  })
  .describe("Where the value stands in the token.");

const Names = z
  .record(text(256), GroupName)
  .refine((names) => Object.keys(names).length <= maxNames, `must have at most ${maxNames} fields`)
  .optional();

const Rules = {
  tenant: z
    .union([z.strictObject({ fixed: GroupName }), z.strictObject({ claim: Claim, names: Names })], {
      error: "must have either `fixed`, a tenant, or `claim` and perhaps `names`",
    })
    .optional(),
  roles: z.strictObject({ claim: Claim, names: Names }).optional(),
};

const IssuerEntry = z.strictObject({
  name: z
    .string()
    .regex(issuerName, "must be 1 to 32 small letters, digits or '-'")
    .refine((name) => !reserved.has(name), "must not be a name that Parley uses itself"),
  issuer: text(1_024),
  audience: z.union([text(1_024).transform((one) => [one]), z.array(text(1_024)).min(1).max(32)], {
    error: "must be a text, or a list of texts",
  }),
  algorithms: z.array(z.enum(issuerAlgorithms)).min(1),
  jwks: z.string().trim().refine(isKeyAddress, keyAddressError),
  ...Rules,
});
export type IssuerEntry = z.infer<typeof IssuerEntry>;

/** `config/issuers.yaml`: who makes tokens, and which claims of theirs count. */
export const IssuersFile = z.strictObject({
  shared_secret: z.strictObject(Rules).default({}),
  firebase: z.strictObject(Rules).default({}),
  issuers: z
    .array(IssuerEntry)
    .max(maxIssuers)
    .superRefine((issuers, context) => {
      for (const [place, { name }] of issuers.entries()) {
        if (issuers.findIndex((other) => other.name === name) === place) continue;
        context.addIssue({ code: "custom", path: [place, "name"], message: "must not be the name of another issuer" });
      }
    })
    .default([]),
});
export type IssuersFile = z.infer<typeof IssuersFile>;

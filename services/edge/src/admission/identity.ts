import { createHash } from "node:crypto";
import type { User } from "@parley/protocol";
import type { JWTPayload } from "jose";
import { z } from "zod";

/** Who a verified token speaks for. */
export interface Identity {
  readonly user: User;
  /** The issuer's name here. */
  readonly issuer: string;
  /** Undefined: the issuer is for no tenant in particular. */
  readonly tenant: string | undefined;
  readonly roles: readonly string[];
  /** When the token runs out, ms since 1970. */
  readonly expiresAtMs: number;
  /** The sign-in that it belongs to (`sid`). */
  readonly session: string | undefined;
  /** Its own name (`jti`). */
  readonly tokenId: string | undefined;
  /** Its SHA-256 in base64url, by which one without a name can be revoked, too. */
  readonly tokenHash?: string | undefined;
  /** When it was made, ms since 1970. */
  readonly issuedAtMs: number | undefined;
  /** Actions to which it is limited, as patterns; undefined: to none. */
  readonly scopes?: readonly string[] | undefined;
}

/** Where a value stands in the claims: the names from the outermost on. */
export type ClaimPath = readonly string[];

/** Other names for the values of a claim; what is not among them does not count. Undefined: the values stand for themselves. */
type Names = Readonly<Record<string, string>>;

/** Which tenant and roles the claims of an issuer's tokens give. */
export interface ClaimRules {
  readonly tenant?:
    | { readonly fixed: string }
    | { readonly claim: ClaimPath; readonly names?: Names | undefined }
    | undefined;
  readonly roles?: { readonly claim: ClaimPath; readonly names?: Names | undefined } | undefined;
}

export interface Naming {
  /** The issuer's name here. */
  readonly issuer: string;
  /** Its subjects and tenants keep their names; those of all other issuers are named by issuer and subject. */
  readonly isPrimary: boolean;
  readonly rules: ClaimRules;
}

/** Characters of a user's id. */
const maxUserIdChars = 128;
/** OpenID Connect allows no more in a `sub`. */
const maxSubjectChars = 255;
const maxRoles = 32;
/** What can be a tenant or a role: these names stand in files, metrics and keys of others. */
export const groupName = /^[A-Za-z0-9][\w.:@/-]{0,63}$/;
/** How the users of other issuers than the primary ones are named. No bare subject may look like one of them. */
const issuedName = /^~[a-z0-9-]+~/;
/** Nobody is let in for longer at a time, whatever the token says: `expires_at` stays a date. */
const longestMs = 366 * 86_400_000;

/** Why a token is not accepted, for the log: it quotes nothing of the token. */
export class TokenFault extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "TokenFault";
  }
}

const wellFormed = (text: string): string => text.toWellFormed();

const Claims = z.object({
  // Not mended: it would be another user then.
  sub: z
    .string()
    .min(1)
    .max(maxSubjectChars)
    .refine((sub) => sub.isWellFormed(), "has half of a character"),
  exp: z.number(),
  email: z.string().max(320).transform(wellFormed).optional(),
  name: z.string().max(128).transform(wellFormed).optional(),
  sid: z.string().min(1).max(256).optional(),
  jti: z.string().min(1).max(256).optional(),
  iat: z.number().optional(),
});

/** Whose the claims of a verified token are. Throws a TokenFault, or a ZodError, when they are nobody's. */
export function identityOf(claims: JWTPayload, { issuer, isPrimary, rules }: Naming): Identity {
  const { sub, exp, email, name, sid, jti, iat } = Claims.parse(claims);
  const id = isPrimary ? bareName(sub) : issuedNameOf(issuer, sub);
  const user: User = { id, ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) };
  const tenant = tenantOf(claims, rules.tenant);
  return {
    user,
    issuer,
    tenant: tenant === undefined || isPrimary || tenant.isConfigured ? tenant?.name : issuedNameOf(issuer, tenant.name),
    roles: rolesOf(claims, rules.roles),
    expiresAtMs: Math.min(exp * 1_000, Date.now() + longestMs),
    session: sid,
    tokenId: jti,
    issuedAtMs: iat === undefined ? undefined : iat * 1_000,
  };
}

/** A subject as it is. Throws when it is too long, or could be taken for the user of another issuer. */
function bareName(sub: string): string {
  if (sub.length > maxUserIdChars) throw new TokenFault(`its sub has more than ${maxUserIdChars} characters`);
  if (issuedName.test(sub)) throw new TokenFault("its sub has the form of another issuer's user");
  return sub;
}

/**
 * `~<issuer>~<subject>`: no bare subject is like this, and the name of an issuer has no `~`, so no two issuers have the same user. A subject that
 * would make it too long, or that begins with a `~` itself, is replaced by its hash: `~<issuer>~~<SHA-256, base64url>`.
 */
export function issuedNameOf(issuer: string, subject: string): string {
  const name = `~${issuer}~${subject}`;
  if (name.length <= maxUserIdChars && !subject.startsWith("~")) return name;
  return `~${issuer}~~${createHash("sha256").update(subject).digest("base64url")}`;
}

/** `isConfigured`: the name comes from the configuration, not from the token. A token that must name its tenant and does not is refused: it would be among others' otherwise. */
function tenantOf(
  claims: JWTPayload,
  rule: ClaimRules["tenant"],
): { readonly name: string; readonly isConfigured: boolean } | undefined {
  if (rule === undefined) return undefined;
  if ("fixed" in rule) return { name: rule.fixed, isConfigured: true };
  const value = claimAt(claims, rule.claim);
  if (typeof value !== "string") throw new TokenFault("it does not name its tenant");
  const name = named(value, rule.names);
  if (name === undefined || !groupName.test(name)) throw new TokenFault("its tenant is none that is known here");
  return { name, isConfigured: rule.names !== undefined };
}

/** A list of texts, or one text with spaces between them, as in `scope`. What is no name, or not among `names`, gives no right and is left out. */
function rolesOf(claims: JWTPayload, rule: ClaimRules["roles"]): readonly string[] {
  if (rule === undefined) return [];
  const value = claimAt(claims, rule.claim);
  if (value === undefined || value === null) return [];
  const values: unknown[] | undefined = typeof value === "string" ? value.split(/\s+/) : asList(value);
  if (values === undefined) throw new TokenFault("its roles are no list");
  const roles = new Set(values.flatMap((one) => (typeof one === "string" ? (named(one, rule.names) ?? []) : [])));
  const kept = [...roles].filter((role) => groupName.test(role));
  // Which of them would be left out is chance: somebody would have other rights tomorrow.
  if (kept.length > maxRoles) throw new TokenFault(`it has more than ${maxRoles} roles: name those that count`);
  return kept;
}

function asList(value: unknown): unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

function named(value: string, names: Names | undefined): string | undefined {
  if (names === undefined) return value;
  return Object.hasOwn(names, value) ? names[value] : undefined;
}

/** Only what the claims have themselves: a path must not lead into what every object inherits. */
function claimAt(claims: JWTPayload, path: ClaimPath): unknown {
  let at: unknown = claims;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = new Map<string, unknown>(Object.entries(at)).get(name);
  }
  return at;
}

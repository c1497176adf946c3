import { ConfigError } from "@parley/runtime";
import type { OidcSettings } from "./oidc.ts";
import type { TokenSettings } from "./tokens.ts";

/** The settings of an edge that are about signing in at the page. */
export interface OidcConfig {
  readonly OIDC_ISSUER?: string | undefined;
  readonly OIDC_CLIENT_ID?: string | undefined;
  readonly OIDC_CLIENT_SECRET?: string | undefined;
  readonly PUBLIC_URL?: string | undefined;
}

/** Where the provider sends people back to, below the public address. */
export const callbackPath = "/auth/callback";

/**
 * Undefined: nobody can sign in. The provider is one of the issuers of the file, by its `issuer`: a person who comes with a cookie is the same user as with a token, with the
 * same tenant and roles. Throws a ConfigError.
 */
export function readOidcSettings(
  { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret, PUBLIC_URL: origin }: OidcConfig,
  { issuers = [] }: TokenSettings,
): OidcSettings | undefined {
  if (issuer === undefined || clientId === undefined || origin === undefined) return undefined;
  const entry = issuers.find((one) => one.issuer === issuer);
  if (entry === undefined) {
    const known = issuers.map((one) => one.issuer).join(", ") || "there is none";
    throw new ConfigError([
      `OIDC_ISSUER is ${issuer}, which is no issuer of ISSUERS_FILE (${known}): its entry there says how its users are named, and which claims give tenant and roles.`,
    ]);
  }
  const { name, isPrimary, rules, algorithms } = entry;
  const redirectUrl = `${origin}${callbackPath}`;
  return { issuer, clientId, clientSecret, redirectUrl, algorithms, naming: { issuer: name, isPrimary, rules } };
}

import type { JWTHeaderParameters, JWTPayload } from "jose";
import { z } from "zod";
import { TokenFault } from "./identity.ts";
import { clockToleranceSeconds } from "./token-verifier.ts";

/** What a `typ` in the header may say: nothing, a token, an access token (RFC 9068). Others (logout, security event, proof of possession) are signed with the same keys. */
const headerTypes: ReadonlySet<string> = new Set(["jwt", "at+jwt"]);
/** Where issuers say that a token is for getting others: `type` of seed C and others, `typ` of Keycloak, `token_use` of Cognito. */
const kindClaims = ["type", "typ", "token_use"] as const;
const refreshKinds: ReadonlySet<string> = new Set(["refresh", "offline"]);

/** A refresh token lives for long and is meant for one endpoint only; a logout token says that somebody is gone. Throws a TokenFault for these. */
export function refuseOtherKinds(claims: JWTPayload): void {
  for (const claim of kindClaims) {
    const kind = claims[claim];
    if (typeof kind === "string" && refreshKinds.has(kind.toLowerCase())) throw new TokenFault("it is a refresh token");
  }
  if (claims["events"] !== undefined) throw new TokenFault("it tells of an event");
}

/** Throws a TokenFault when the header says that it is another kind of token. */
export function refuseOtherTypes({ typ }: JWTHeaderParameters): void {
  const type = typ?.toLowerCase().replace(/^application\//, "");
  if (type !== undefined && !headerTypes.has(type)) throw new TokenFault("its typ is not that of an access token");
}

/** Throws a TokenFault when a token says that it was made in the future. */
export function refuseFuture({ iat }: JWTPayload): void {
  if (iat !== undefined && !isPast(iat)) throw new TokenFault("its iat is in the future");
}

const FirebaseClaims = z.object({
  iat: z.number().refine(isPast, "is in the future"),
  auth_time: z.number().refine(isPast, "is in the future"),
});

/** What Firebase asks of an ID token beyond what every token must have. Source: "Verify ID tokens using a third-party JWT library", Firebase Authentication. */
export function checkFirebaseRules(claims: JWTPayload, { kid }: JWTHeaderParameters): void {
  if (kid === undefined) throw new TokenFault("it names no key");
  FirebaseClaims.parse(claims);
}

function isPast(seconds: number): boolean {
  return seconds <= Date.now() / 1_000 + clockToleranceSeconds;
}

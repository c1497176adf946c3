import { randomUUID, type webcrypto } from "node:crypto";
import type { User } from "@parley/protocol";
import { SignJWT, errors, jwtVerify, type JWTPayload } from "jose";
import { refuseOtherKinds } from "./token-kind.ts";
import { identityOf, type ClaimRules } from "./identity.ts";
import { clockToleranceSeconds, type TokenVerifier } from "./token-verifier.ts";

export interface SharedSecretOptions {
  readonly secret: string;
  /** Tokens signed with this one are still accepted, while it is being replaced. */
  readonly previousSecret?: string | undefined;
  /** Required claims, when set. */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** Default: yes. */
  readonly isPrimary?: boolean;
  readonly rules?: ClaimRules;
}

export interface SharedSecret extends TokenVerifier {
  /** Makes a token. `lifetimeMs` is cut to whole seconds. */
  sign(user: User, lifetimeMs: number): Promise<{ token: string; expiresAtMs: number }>;
}

/** The name of this maker of tokens, beside those of the issuers. */
export const sharedSecretName = "shared-secret";

const algorithm = "HS256";

/** Imported once: given the bytes, the library would import them again for each token. */
function importKey(secret: string): Promise<webcrypto.CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

/** Tokens signed with a secret that their maker and the edge share (HS256): whoever can check one can make one. */
export function createSharedSecret(options: SharedSecretOptions): SharedSecret {
  const { secret, previousSecret, issuer, audience, isPrimary = true, rules = {} } = options;
  const naming = { issuer: sharedSecretName, isPrimary, rules };
  const key = importKey(secret);
  const previous = previousSecret === undefined ? undefined : importKey(previousSecret);
  const required = {
    algorithms: [algorithm],
    clockTolerance: clockToleranceSeconds,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };

  const payloadOf = async (token: string): Promise<JWTPayload> => {
    try {
      return (await jwtVerify(token, await key, required)).payload;
    } catch (error) {
      if (previous === undefined || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      return (await jwtVerify(token, await previous, required)).payload;
    }
  };

  return {
    async verify(token) {
      const claims = await payloadOf(token);
      refuseOtherKinds(claims);
      return identityOf(claims, naming);
    },

    version: () => 0,

    async sign({ id, email, name }, lifetimeMs) {
      const nowSeconds = Math.floor(Date.now() / 1_000);
      const exp = nowSeconds + Math.floor(lifetimeMs / 1_000);
      const jwt = new SignJWT({ ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) })
        .setProtectedHeader({ alg: algorithm })
        .setSubject(id)
        .setIssuedAt(nowSeconds)
        .setExpirationTime(exp)
        .setJti(randomUUID());
      if (issuer !== undefined) jwt.setIssuer(issuer);
      if (audience !== undefined) jwt.setAudience(audience);
      return { token: await jwt.sign(await key), expiresAtMs: exp * 1_000 };
    },
  };
}

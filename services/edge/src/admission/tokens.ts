import { randomUUID, type webcrypto } from "node:crypto";
import { ChatError, limits, type User } from "@parley/protocol";
import { SignJWT, errors, jwtVerify, type JWTPayload } from "jose";
import { z } from "zod";

export interface TokenOptions {
  readonly secret: string;
  /** Tokens signed with this one are still accepted, while it is being replaced. */
  readonly previousSecret?: string | undefined;
  /** Required claims, when set. */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

export interface Identity {
  readonly user: User;
  /** When the token runs out, ms since 1970. */
  readonly expiresAtMs: number;
}

export type Tokens = ReturnType<typeof createTokens>;

const algorithm = "HS256";
/** Clocks of the token's maker and ours may differ by this much. */
const clockToleranceSeconds = 5;
/** Nobody is let in for longer at a time, whatever the token says: `expires_at` stays a date. */
const longestMs = 366 * 86_400_000;

const wellFormed = (text: string): string => text.toWellFormed();

const Claims = z.object({
  // Not mended: it would be another user then.
  sub: z
    .string()
    .min(1)
    .max(128)
    .refine((sub) => sub.isWellFormed(), "has half of a character"),
  exp: z.number(),
  email: z.string().max(320).transform(wellFormed).optional(),
  name: z.string().max(128).transform(wellFormed).optional(),
  type: z.string().optional(),
});

/** Imported once: given the bytes, the library would import them again for each token. */
function importKey(secret: string): Promise<webcrypto.CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

/** Checks and makes access tokens: JWTs signed with a shared secret. */
export function createTokens({ secret, previousSecret, issuer, audience }: TokenOptions) {
  const key = importKey(secret);
  const previous = previousSecret === undefined ? undefined : importKey(previousSecret);
  const options = {
    algorithms: [algorithm],
    clockTolerance: clockToleranceSeconds,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };

  const payloadOf = async (token: string): Promise<JWTPayload> => {
    try {
      return (await jwtVerify(token, await key, options)).payload;
    } catch (error) {
      if (previous === undefined || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      return (await jwtVerify(token, await previous, options)).payload;
    }
  };

  return {
    /** Whose token it is. Throws ChatError AUTH_EXPIRED or AUTH_INVALID; the reason goes to the log only. */
    async verify(token: string): Promise<Identity> {
      if (token.length > limits.accessTokenChars) {
        throw new ChatError("AUTH_INVALID", {
          message: `The token is longer than ${limits.accessTokenChars} characters.`,
        });
      }
      try {
        const { sub: id, exp, email, name, type } = Claims.parse(await payloadOf(token));
        // A refresh token lives for long and is meant for one endpoint only.
        if (type === "refresh") throw new Error("it is a refresh token");
        const user: User = { id, ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) };
        return { user, expiresAtMs: Math.min(exp * 1_000, Date.now() + longestMs) };
      } catch (cause) {
        throw new ChatError(cause instanceof errors.JWTExpired ? "AUTH_EXPIRED" : "AUTH_INVALID", { cause });
      }
    },

    /** Makes a token. `lifetimeMs` is cut to whole seconds. */
    async sign({ id, email, name }: User, lifetimeMs: number): Promise<{ token: string; expiresAtMs: number }> {
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

import { randomUUID } from "node:crypto";
import { ChatError, type User } from "@parley/protocol";
import { SignJWT, errors, jwtVerify } from "jose";
import { z } from "zod";

export interface TokenOptions {
  readonly secret: string;
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

const Claims = z.object({
  sub: z.string().min(1).max(128),
  exp: z.number(),
  email: z.string().max(320).optional(),
  name: z.string().max(128).optional(),
  type: z.string().optional(),
});

/** Checks and makes access tokens: JWTs signed with one shared secret. */
export function createTokens({ secret, issuer, audience }: TokenOptions) {
  const key = new TextEncoder().encode(secret);
  const required = { ...(issuer === undefined ? {} : { issuer }), ...(audience === undefined ? {} : { audience }) };

  return {
    /** Whose token it is. Throws ChatError AUTH_EXPIRED or AUTH_INVALID; the reason goes to the log only. */
    async verify(token: string): Promise<Identity> {
      try {
        const options = { algorithms: [algorithm], clockTolerance: clockToleranceSeconds, ...required };
        const { payload } = await jwtVerify(token, key, options);
        const { sub: id, exp, email, name, type } = Claims.parse(payload);
        // A refresh token lives for long and is meant for one endpoint only.
        if (type === "refresh") throw new Error("it is a refresh token");
        const user: User = { id, ...(email === undefined ? {} : { email }), ...(name === undefined ? {} : { name }) };
        return { user, expiresAtMs: exp * 1_000 };
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
      return { token: await jwt.sign(key), expiresAtMs: exp * 1_000 };
    },
  };
}

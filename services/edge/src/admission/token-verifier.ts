import type { Identity } from "./identity.ts";

/** Checks tokens of one maker. */
export interface TokenVerifier {
  /** Throws a ChatError AUTH_UNAVAILABLE when it cannot be said now; anything else that it throws means that the token is not valid. */
  verify(token: string): Promise<Identity>;
  /** Another one when keys do not count any more: what was verified before has to be verified again. */
  version(): number;
}

/** Clocks of the token's maker and ours may differ by this much. */
export const clockToleranceSeconds = 5;

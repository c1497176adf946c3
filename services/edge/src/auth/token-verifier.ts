import type { Identity } from "./identity.ts";

/** Checks tokens of one maker. */
export interface TokenVerifier {
  /** Throws a ChatError OVERLOADED when it cannot be said now; anything else that it throws means that the token is not valid. */
  verify(token: string): Promise<Identity>;
  /** Grows when a key was taken away: what was verified before has to be verified again. */
  version(): number;
}

/** Clocks of the token's maker and ours may differ by this much. */
export const clockToleranceSeconds = 5;

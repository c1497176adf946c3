import type { ErrorCode } from "./chat-error.ts";

/** Whether something is allowed. */
export type Verdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly code: ErrorCode; readonly message: string };

export const allowed: Verdict = { allowed: true };

export function forbidden(message: string): Verdict {
  return { allowed: false, code: "FORBIDDEN", message };
}

export function only(isAllowed: boolean, otherwise: string): Verdict {
  return isAllowed ? allowed : forbidden(otherwise);
}

import { ChatError } from "@parley/protocol";
import type { Exchange } from "./exchange.ts";

/** Files come before it is known whose they are, and each takes megabytes of this process. */
const mostUploads = 16;
let uploads = 0;
/** For bodies without files. */
export const noRoomNeeded = (): void => {};

/** For one body with files, until the returned function is called or its client is gone. Undefined: there is none. */
export function takeRoom({ onGone }: Exchange): (() => void) | undefined {
  if (uploads >= mostUploads) return undefined;
  uploads++;
  let isFree = false;
  const free = (): void => {
    if (!isFree) uploads--;
    isFree = true;
  };
  // The body of a client that is gone never ends.
  onGone(free);
  return free;
}

export function uploadsFull(): ChatError {
  const message = "Too many files are being sent at the moment. Try again.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 2_000 });
}

import { ChatError } from "@parley/protocol";
import type { Exchange } from "./exchange.ts";

/** Files come before it is known whose they are, and each takes megabytes of this process. */
const mostUploads = 16;
/** Of one address: whoever sends slowly, and perhaps may not send at all, must not keep the others out. */
const mostOfAddress = 4;
let uploads = 0;
const byAddress = new Map<string, number>();
/** For bodies without files. */
export const noRoomNeeded = (): void => {};

/** For one body with files, until the returned function is called or its client is gone. Undefined: there is none. */
export function takeRoom({ onGone, whence }: Pick<Exchange, "onGone" | "whence">): (() => void) | undefined {
  const { address, isExempt } = whence;
  const ofAddress = byAddress.get(address) ?? 0;
  if (uploads >= mostUploads || (!isExempt && ofAddress >= mostOfAddress)) return undefined;
  uploads++;
  byAddress.set(address, ofAddress + 1);
  let isFree = false;
  const free = (): void => {
    if (isFree) return;
    isFree = true;
    uploads--;
    const left = (byAddress.get(address) ?? 1) - 1;
    if (left === 0) byAddress.delete(address);
    else byAddress.set(address, left);
  };
  // The body of a client that is gone never ends.
  onGone(free);
  return free;
}

export function uploadsFull(): ChatError {
  const message = "Too many files are being sent at the moment. Try again.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 2_000 });
}

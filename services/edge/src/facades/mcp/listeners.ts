import { ChatError } from "@parley/protocol";
import type { HoldRequest } from "../../transport/held-requests.ts";

/** Of one user at one edge: their clients listen once each, and are told of nothing, as lists say how long they hold. */
const mostOfUser = 4;
const retryAfterMs = 10_000;

/** Clients that listen for changes: they count as everything that streams does, and one user has few. */
export function createListeners(hold: HoldRequest): HoldRequest {
  const ofUser = new Map<string, number>();
  return (call, onEnd) => {
    const { id } = call.caller.user;
    const open = ofUser.get(id) ?? 0;
    if (open >= mostOfUser && !call.exchange.whence.isExempt)
      throw new ChatError("RATE_LIMITED", { message: "Too many of your clients listen for changes.", retryAfterMs });
    const release = hold(call, onEnd);
    ofUser.set(id, open + 1);
    let isOver = false;
    const leave = (): void => {
      if (isOver) return;
      isOver = true;
      release();
      const left = (ofUser.get(id) ?? 0) - 1;
      if (left > 0) ofUser.set(id, left);
      else ofUser.delete(id);
    };
    call.exchange.onGone(leave);
    return leave;
  };
}

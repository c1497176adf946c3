import type { Dialect } from "@parley/dialects";
import { ChatError } from "@parley/protocol";
import { endOnlySink } from "./answer-viewer.ts";
import type { HttpViewers } from "./http-viewers.ts";
import type { Call } from "./route.ts";

/** Counts a request until what it gives back is called: also when its client is gone. Throws OVERLOADED or RATE_LIMITED. */
export type HoldRequest = (call: Call, onEnd: () => void) => () => void;

/**
 * Requests that stay open without looking at a conversation. They count as all that wait or stream (of their user, of their address, of this process), and are
 * asked to end by `onEnd`: when the process leaves, when their user is shut out, and when they have lasted as long as a request may.
 */
export function createHoldRequest(viewers: HttpViewers): HoldRequest {
  return ({ caller, exchange }, onEnd) => {
    const connection = viewers.open({
      ...{ caller, whence: exchange.whence, dialect: silent, transport: "events" },
      sink: endOnlySink(onEnd),
      onDeadline: onEnd,
    });
    exchange.onGone(() => viewers.close(connection, "client"));
    return () => viewers.close(connection, "answered");
  };
}

/** Says nothing: what such a request is told does not come from a hub. */
const silent: Dialect = {
  name: "silent",
  decode: () => {
    throw new ChatError("UNSUPPORTED");
  },
  encodeEvent: () => [],
  encodeFrame: () => [],
};

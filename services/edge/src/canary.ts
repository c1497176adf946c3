import { randomBytes } from "node:crypto";
import type { Bus } from "@parley/bus";
import { subjects } from "@parley/protocol";
import type { Logger } from "@parley/runtime";

export interface CanaryDeps {
  readonly nc: Bus["nc"];
  readonly log: Logger;
  readonly everyMs?: number;
  readonly patienceMs?: number;
}

/**
 * Sends itself a message through the broker every 2 s. A connection may look healthy and still deliver nothing (a subscription lost, a
 * route of the cluster broken): then this process must not get new sockets.
 */
export function startCanary({ nc, log, everyMs = 2_000, patienceMs = 6_000 }: CanaryDeps) {
  const subject = subjects.canary(randomBytes(9).toString("base64url"));
  let heardMs = performance.now();
  const subscription = nc.subscribe(subject, {
    callback: (error) => {
      // Nothing may throw here: it would stop the connection's read loop.
      if (error === null) heardMs = performance.now();
    },
  });
  const sing = (): void => {
    try {
      nc.publish(subject);
    } catch (err) {
      log.debug({ err }, "the canary could not be sent");
    }
  };
  sing();
  const timer = setInterval(sing, everyMs);
  timer.unref();

  return {
    isAlive: (): boolean => performance.now() - heardMs < patienceMs,
    stop(): void {
      clearInterval(timer);
      subscription.unsubscribe();
    },
  };
}

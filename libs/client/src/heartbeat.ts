interface HeartbeatDeps {
  readonly now: () => number;
  readonly deadAfterMs: number;
  readonly probeMs: number;
  readonly ping: () => void;
  /** When the oldest message that still waits for its answer was sent; Infinity when none does. */
  readonly sentAt: () => number;
  readonly answerMs: number;
  readonly onDead: (reason: string) => void;
}

export interface Heartbeat {
  /** Something came from the server. */
  readonly heard: () => void;
  readonly start: (pingAfterMs: number) => void;
  /** There is reason to think that the server cannot be reached any more: asks it at once, and waits for its word `probeMs` at most. */
  readonly probe: () => void;
  /** Returns whether it was waiting for the server's word. */
  readonly stop: () => boolean;
}

const silent = "the server has gone silent";

/**
 * Sees that a server is gone although the socket does not say so. Browsers cannot see protocol pings, hence frames of our own. One timer that
 * looks at a time stamp: nothing is re-armed per frame.
 */
export function createHeartbeat(deps: HeartbeatDeps): Heartbeat {
  let heardAt = deps.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let probeTimer: ReturnType<typeof setTimeout> | undefined;

  function look(pingAfterMs: number): void {
    const now = deps.now();
    const silentMs = now - heardAt;
    if (silentMs >= deps.deadAfterMs) return deps.onDead(silent);
    if (now - deps.sentAt() >= deps.answerMs) return deps.onDead("the server did not answer in time");
    const isDue = silentMs >= pingAfterMs;
    if (isDue) deps.ping();
    timer = setTimeout(
      () => look(pingAfterMs),
      Math.min((isDue ? deps.deadAfterMs : pingAfterMs) - silentMs, deps.answerMs),
    );
  }

  function endProbe(): boolean {
    const isProbing = probeTimer !== undefined;
    clearTimeout(probeTimer);
    probeTimer = undefined;
    return isProbing;
  }

  return {
    heard: () => {
      heardAt = deps.now();
      endProbe();
    },
    start: (pingAfterMs) => {
      clearTimeout(timer);
      look(pingAfterMs);
    },
    probe: () => {
      if (probeTimer !== undefined) return;
      probeTimer = setTimeout(() => deps.onDead(silent), deps.probeMs);
      deps.ping();
    },
    stop: () => {
      clearTimeout(timer);
      return endProbe();
    },
  };
}

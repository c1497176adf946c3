interface HeartbeatDeps {
  readonly now: () => number;
  readonly deadAfterMs: number;
  readonly probeMs: number;
  readonly ping: () => void;
  /** When the oldest message that still waits for its answer was sent; undefined when none does. */
  readonly unansweredSince: () => number | undefined;
  readonly answerMs: number;
  readonly onDead: (reason: string) => void;
}

export interface Heartbeat {
  /** Something came from the server. */
  readonly heard: () => void;
  readonly start: (pingAfterMs: number) => void;
  /** There is reason to think that the server cannot be reached any more: asks it at once, and waits for its word `probeMs` at most. */
  readonly probe: () => void;
  readonly isProbing: () => boolean;
  readonly stop: () => void;
}

/**
 * Sees that a server is gone although the socket does not say so. Browsers cannot see protocol pings, hence frames of our own. One timer that
 * looks at a time stamp: nothing is re-armed per frame.
 */
export function createHeartbeat(deps: HeartbeatDeps): Heartbeat {
  let heardAt = deps.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let probeTimer: ReturnType<typeof setTimeout> | undefined;

  function deathOf(now: number): string | undefined {
    if (now - heardAt >= deps.deadAfterMs) return "the server has gone silent";
    const since = deps.unansweredSince();
    if (since !== undefined && now - since >= deps.answerMs) return "the server does not answer a message";
    return undefined;
  }

  function look(pingAfterMs: number): void {
    const now = deps.now();
    const death = deathOf(now);
    if (death !== undefined) return deps.onDead(death);
    const silentMs = now - heardAt;
    if (silentMs >= pingAfterMs) deps.ping();
    const dueMs = silentMs >= pingAfterMs ? deps.deadAfterMs - silentMs : pingAfterMs - silentMs;
    timer = setTimeout(() => look(pingAfterMs), Math.min(dueMs, deps.answerMs));
  }

  function endProbe(): void {
    clearTimeout(probeTimer);
    probeTimer = undefined;
  }

  return {
    heard: () => {
      heardAt = deps.now();
      if (probeTimer !== undefined) endProbe();
    },
    start: (pingAfterMs) => {
      clearTimeout(timer);
      look(pingAfterMs);
    },
    probe: () => {
      if (probeTimer !== undefined) return;
      probeTimer = setTimeout(() => deps.onDead("the server has gone silent"), deps.probeMs);
      deps.ping();
    },
    isProbing: () => probeTimer !== undefined,
    stop: () => {
      clearTimeout(timer);
      endProbe();
    },
  };
}

export interface Progress {
  report(text: string): void;
  /** Nothing is sent any more. */
  stop(): void;
}

/** Passes on at most one text per `intervalMs`: the first at once, later ones at the end of the interval, of several the last. */
export function createProgress(send: (text: string) => void, intervalMs: number): Progress {
  let timer: NodeJS.Timeout | undefined;
  let held: string | undefined;
  let isStopped = false;

  function onIntervalEnd(): void {
    timer = undefined;
    if (held !== undefined) pass(held);
  }

  function pass(text: string): void {
    held = undefined;
    timer = setTimeout(onIntervalEnd, intervalMs);
    send(text);
  }

  return {
    report(text) {
      if (isStopped) return;
      if (timer === undefined) pass(text);
      else held = text;
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

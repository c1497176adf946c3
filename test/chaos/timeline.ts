import { sleep } from "@parley/runtime";

/** The scenario's clock, and what happened by it besides the clients' own recordings. */
export interface Timeline {
  /** Milliseconds since the start. */
  now(): number;
  readonly entries: readonly TimelineEntry[];
  note(what: string): void;
  /** Runs the action at that time and waits for it. Returns without running it when the signal is aborted. */
  at(ms: number, action: () => unknown): Promise<void>;
}

export interface TimelineEntry {
  readonly atMs: number;
  readonly what: string;
}

export function startTimeline(signal: AbortSignal): Timeline {
  const startedAt = performance.now();
  const entries: TimelineEntry[] = [];
  const now = (): number => performance.now() - startedAt;
  return {
    now,
    entries,
    note: (what) => void entries.push({ atMs: Math.round(now()), what }),
    async at(ms, action) {
      await sleep(Math.max(0, ms - now()), signal);
      if (!signal.aborted) await action();
    },
  };
}

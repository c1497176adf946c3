import { performance, type EventLoopUtilization } from "node:perf_hooks";

/** How busy this process is, over the last second. */
export interface Load {
  /** How much later than it was due a timer ran, on average. */
  readonly lagMs: number;
  /** Share of the time in which the event loop did not wait, 0 to 1. It counts time in which another process had the core. */
  readonly utilisation: number;
}

const idleLoad: Load = { lagMs: 0, utilisation: 0 };

const sampleEveryMs = 100;
const samples = 10;

interface Sample {
  readonly lagMs: number;
  readonly loop: EventLoopUtilization;
}

/** Watches how busy the process is, and calls back after each look. `latest`: the same of the time since the last one alone. */
export function createLoadWatch(onSample: (load: Load, latest: Load) => void) {
  const seen: Sample[] = [{ lagMs: 0, loop: performance.eventLoopUtilization() }];
  let load = idleLoad;
  let dueMs = performance.now() + sampleEveryMs;

  const look = (): void => {
    const now = performance.now();
    const loop = performance.eventLoopUtilization();
    const latestLagMs = Math.max(0, now - dueMs);
    const { utilization: latest } = performance.eventLoopUtilization(loop, seen.at(-1)?.loop);
    seen.push({ lagMs: latestLagMs, loop });
    if (seen.length > samples) seen.shift();
    dueMs = now + sampleEveryMs;
    const lagMs = seen.reduce((sum, sample) => sum + sample.lagMs, 0) / seen.length;
    load = { lagMs, utilisation: performance.eventLoopUtilization(loop, seen[0]?.loop).utilization };
    onSample(load, { lagMs: latestLagMs, utilisation: latest });
  };
  const timer = setInterval(look, sampleEveryMs);
  timer.unref();

  return {
    load: (): Load => load,
    stop: (): void => clearInterval(timer),
  };
}

/** From 0 at `low` and below to 1 at `high` and above. */
export function ramp(value: number, low: number, high: number): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

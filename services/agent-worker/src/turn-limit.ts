import { getHeapStatistics } from "node:v8";
import type { Load } from "./load.ts";

/** As many may always run: a machine that others keep busy still gets on. */
const leastTurns = 8;
/** By so many the number of turns may grow between two looks: what they cost shows a moment later. */
export const leastGrowth = 32;
/** At the most, when hundreds come at once and none of them costs anything yet: they wait for their model, or for the broker. */
const mostGrowth = 256;
/** What a process that has time to spare looks like, in the time since the last look alone. */
const spare = { lagMs: 20, utilisation: 0.7 };
/** The same for a busy process, or what it has lost by chance would never come back. */
const busyGrowth = 4;

export interface TurnLimitInput {
  /** By how many it may grow: see `nextGrowth`. */
  readonly growth: number;
  /** Turns that run, and places that pulls hold. */
  readonly open: number;
  /** The most there may be, by memory and configuration. */
  readonly most: number;
  readonly load: Load;
}

export type Pressure = "none" | "busy" | "overloaded";

/** Both must say so: a loop that is busy and on time has its work done, and one that is late and idle waits for the machine. */
export function pressureOf({ lagMs, utilisation }: Load): Pressure {
  if (utilisation > 0.95 && lagMs > 400) return "overloaded";
  return utilisation > 0.85 && lagMs > 100 ? "busy" : "none";
}

/**
 * How many turns may be open until the next look. While there is time to spare more are taken, step by step; a busy process takes few; an overloaded
 * one takes one for each that ends. So a full queue is drained at the pace of the process, and pulls do not flap. (Taking none until it was over made
 * turns wait for seconds whose neighbours began at once.)
 */
export function nextTurnLimit({ growth, open, most, load }: TurnLimitInput): number {
  const pressure = pressureOf(load);
  const wanted = open + { none: growth, busy: busyGrowth, overloaded: 0 }[pressure];
  return Math.min(most, Math.max(leastTurns, wanted));
}

/** By how many the number of turns may grow until the next look: twice as many as before while all that were allowed came and the process has time to spare. */
export function nextGrowth(
  before: number,
  { isFull, latest }: { readonly isFull: boolean; readonly latest: Load },
): number {
  const hasTime = latest.lagMs < spare.lagMs && latest.utilisation < spare.utilisation;
  return isFull && hasTime ? Math.min(mostGrowth, before * 2) : leastGrowth;
}

/** What is there without a turn. */
const baseBytes = 120 * 2 ** 20;
/** Measured: 60 to 166 KB while the model writes; history, results and a long answer come on top. */
const turnBytes = 256 * 2 ** 10;
/** The rest is for what is not collected yet. */
const usableShare = 0.7;

export interface MemoryState {
  /** What the heap may grow to, and the container. */
  readonly limitBytes: number;
  /** What the last full collection left; 0: there was none. */
  readonly liveBytes: number;
}

/** How many turns there is memory for: by what one takes as a rule, and none beyond those that run when what is really kept comes near the limit. */
export function turnsInMemory({ limitBytes, liveBytes }: MemoryState, open: number): number {
  const usable = limitBytes * usableShare;
  if (liveBytes > usable) return Math.max(leastTurns, open);
  return Math.max(leastTurns, Math.floor((usable - baseBytes) / turnBytes));
}

/** What this process may use: `--max-old-space-size` or what Node takes by itself, and three quarters of the container if that is less. */
export function memoryLimitBytes(): number {
  const heap = getHeapStatistics().heap_size_limit;
  const container = process.constrainedMemory();
  return container > 0 ? Math.min(heap, container * 0.75) : heap;
}

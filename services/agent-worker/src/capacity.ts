import { liveHeapBytes } from "@parley/runtime";
import type { Config } from "./config.ts";
import { flushFloorMs } from "./flush-floor.ts";
import { createLoadWatch } from "./load.ts";
import { createSlots } from "./slots.ts";
import { leastGrowth, memoryLimitBytes, nextGrowth, nextTurnLimit, pressureOf, turnsInMemory } from "./turn-limit.ts";

/**
 * What this process can do at the moment: how many turns it may run, and how often each may write. Both follow what turns really cost here, so one
 * default fits a laptop and a server.
 */
export function createCapacity({ SLOTS, TOKEN_FLUSH_MS }: Pick<Config, "SLOTS" | "TOKEN_FLUSH_MS">) {
  const limitBytes = memoryLimitBytes();
  const mostOf = (open: number): number =>
    Math.min(SLOTS ?? Infinity, turnsInMemory({ limitBytes, liveBytes: liveHeapBytes() }, open));
  let growth = leastGrowth;
  let allowed = Math.min(growth, mostOf(0));
  const slots = createSlots(allowed);
  const watch = createLoadWatch((load, latest) => {
    const open = slots.taken();
    growth = nextGrowth(growth, { isFull: open >= allowed, latest });
    allowed = nextTurnLimit({ growth, open, most: mostOf(open), load });
    slots.resize(allowed);
  });

  return {
    slots,
    /**
     * A turn that waited for a person is about to come back: it need not wait until the next look finds room for it. What it costs was seen when it ran
     * before, and it is not held back for what others of its kind cost: that one begins at all is what people see.
     */
    expectOne(): void {
      if (pressureOf(watch.load()) === "overloaded") return;
      allowed = Math.min(allowed + 1, mostOf(slots.taken()));
      slots.resize(allowed);
    },
    tokenFlushMs: (): number => TOKEN_FLUSH_MS ?? flushFloorMs(watch.load(), slots.taken()),
    /** How many turns there is room for, and no more than run when there is no processor for others. */
    limit(): number {
      const open = slots.taken();
      return pressureOf(watch.load()) === "overloaded" ? Math.max(1, open) : mostOf(open);
    },
    stop: watch.stop,
  };
}

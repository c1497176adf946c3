import { ramp, type Load } from "./load.ts";

const leastMs = 10;
const mostMs = 100;
/** So many turns write at once when their appends are what costs most, here, at the broker and at the edges. */
const fewTurns = 20;
const manyTurns = 150;

/**
 * Least time between two appends of a turn's text, in ms: short while there is time to spare, and longer as turns, processor or a late event loop say
 * that there is none. Each append costs every process of the way; what waits joins the next one. The first text of a silence waits for nothing.
 */
export function flushFloorMs({ lagMs, utilisation }: Load, openTurns: number): number {
  const share = Math.max(ramp(openTurns, fewTurns, manyTurns), ramp(utilisation, 0.4, 0.85), ramp(lagMs, 5, 50));
  return Math.round(leastMs + share * (mostMs - leastMs));
}

/** Two pieces of a fast model come in it. */
const leastHoldMs = 20;

/** How long the model need not be read after its text came: what comes within the floor would wait for its end anyway. 0: it is read as it comes. */
export function readHoldMs(floorMs: number): number {
  return floorMs < leastHoldMs ? 0 : floorMs;
}

import { readFileSync } from "node:fs";

/** Kept for the broker, the admin port, the log and what Node itself opens. */
const reserve = 256;
/** Where the system does not say: what most allow at least, less the reserve. */
const fallback = 1_024 - reserve;

/** How many sockets this process can have open without running out of files. */
export function maxSocketsByFileLimit(path = "/proc/self/limits"): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync(path, "utf8"))?.[1];
    return soft === undefined ? fallback : Math.max(1, Number(soft) - reserve);
  } catch {
    return fallback;
  }
}

import { Counter, Gauge, type Registry } from "prom-client";
import type { Logger } from "./logger.ts";
import { sleep } from "./timing.ts";

/** A gauge that is read when somebody asks. NaN means unknown: the gauge is then left out. */
export function addGauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const value = read();
      if (Number.isNaN(value)) this.remove();
      else this.set(value);
    },
  });
}

export interface Counts {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  /** Values of the label, each with its count so far. */
  readonly read: () => Iterable<readonly [string | number, number]>;
}

/** A counter with one label over plain numbers that others count: read when somebody asks. */
export function addCounts(registry: Registry, { name, help, label, read }: Counts): void {
  const collect = (): void => {
    counter.reset();
    for (const [value, count] of read()) counter.inc({ [label]: value }, count);
  };
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry], collect });
}

/** What callers may choose freely must not become labels without end: the first names are kept, all others are "other". */
export function createKnownLabel(maxNames = 30): (name: string) => string {
  const names = new Set<string>();
  return (name) => {
    if (names.has(name)) return name;
    if (names.size >= maxNames) return "other";
    names.add(name);
    return name;
  };
}

export interface SampledOptions<T> {
  readonly everyMs: number;
  readonly read: () => Promise<T>;
  readonly log: Logger;
}

/** A figure that must be asked for elsewhere: looked up at intervals, so that a scrape never waits for another server. */
export function createSampled<T>({ everyMs, read, log }: SampledOptions<T>) {
  const stopping = new AbortController();
  let latest: T | undefined;
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      latest = await read().catch((err: unknown) => {
        log.debug({ err }, "a figure could not be looked up");
        return undefined;
      });
      await sleep(everyMs, stopping.signal);
    }
  };
  void run();
  return {
    /** Undefined while it cannot be looked up. */
    latest: (): T | undefined => latest,
    stop: (): void => stopping.abort(),
  };
}

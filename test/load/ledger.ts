import { z } from "zod";
import { createHistogram, type Histogram } from "../../loadtest/histogram.ts";

/** One line of a generator: what the users of one VU saw since its last one. */
const Report = z.object({
  vu: z.number(),
  atMs: z.number(),
  sockets: z.number(),
  counts: z.record(z.string(), z.number()),
  errors: z.record(z.string(), z.number()),
  times: z.record(z.string(), z.array(z.tuple([z.number(), z.number()]))),
});
export type Report = z.infer<typeof Report>;

const mark = "PARLEY ";

/** The report in a line that a generator wrote. Undefined: the line is one of k6's own. */
export function readReport(line: string): Report | undefined {
  return line.startsWith(mark) ? Report.parse(JSON.parse(line.slice(mark.length))) : undefined;
}

/** What was seen in one second of the run. */
export interface Second {
  readonly counts: Map<string, number>;
  readonly times: Map<string, Histogram>;
  sockets: number;
}

export interface Ledger {
  add(generator: number, report: Report): void;
  count(name: string): number;
  time(name: string): Histogram;
  timeNames(): readonly string[];
  errors(): ReadonlyMap<string, number>;
  sockets(): number;
  /** Index: seconds since the start of the run. */
  seconds(): readonly (Second | undefined)[];
}

/** Puts the reports of all VUs of all generators together: in all, and by the second. */
export function createLedger(startedMs: number): Ledger {
  const counts = new Map<string, number>();
  const errors = new Map<string, number>();
  const times = new Map<string, Histogram>();
  const socketsOf = new Map<string, number>();
  const seconds: (Second | undefined)[] = [];
  const sockets = (): number => [...socketsOf.values()].reduce((sum, each) => sum + each, 0);

  return {
    add(generator, report) {
      socketsOf.set(`${generator} ${report.vu}`, report.sockets);
      const index = Math.max(0, Math.floor((report.atMs - startedMs) / 1_000));
      const second = (seconds[index] ??= { counts: new Map(), times: new Map(), sockets: 0 });
      second.sockets = sockets();
      for (const [name, by] of Object.entries(report.counts)) {
        addTo(counts, name, by);
        addTo(second.counts, name, by);
      }
      for (const [what, by] of Object.entries(report.errors)) addTo(errors, what, by);
      for (const [name, buckets] of Object.entries(report.times)) {
        histogramIn(times, name).merge(buckets);
        histogramIn(second.times, name).merge(buckets);
      }
    },
    count: (name) => counts.get(name) ?? 0,
    time: (name) => times.get(name) ?? createHistogram(),
    timeNames: () => [...times.keys()],
    errors: () => errors,
    sockets,
    seconds: () => seconds,
  };
}

function addTo(map: Map<string, number>, name: string, by: number): void {
  map.set(name, (map.get(name) ?? 0) + by);
}

function histogramIn(map: Map<string, Histogram>, name: string): Histogram {
  let histogram = map.get(name);
  if (histogram === undefined) map.set(name, (histogram = createHistogram()));
  return histogram;
}

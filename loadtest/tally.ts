import { Counter, Trend } from "k6/metrics";
import { type Buckets, createHistogram } from "./histogram.ts";

/** How the driver knows our lines among those of k6. */
const reportMark = "PARLEY ";

/** Times that are measured. `…_share`: less what the simulated model takes by its own schedule. */
const timeNames = [
  "connect",
  "auth",
  "accepted",
  "first_token",
  "first_token_share",
  "token_gap",
  "token_gap_share",
  "turn",
  "turn_share",
  "delivery",
  "tool_wait",
  "resume",
  "said_seen",
  "generator_lag",
] as const;
export type TimeName = (typeof timeNames)[number];

const countNames = [
  "connected",
  "turns",
  "tokens",
  "frames",
  "snapshots",
  "restarts",
  "reconnects",
  "gaps",
  "repeats",
  "out_of_order",
  "wrong",
  "errors",
  "unfinished",
  "posts",
  "events_seen",
  "reactions",
  "signals",
  "abusive_frames",
  "abuser_closes",
] as const;
export type CountName = (typeof countNames)[number];

/** Times for which k6 itself evaluates thresholds; the rest, of which there is one for each token, would only cost it time and memory. */
const trends = new Map<string, Trend>(
  (["auth", "first_token_share", "turn_share", "tool_wait", "resume", "said_seen"] as const).map((name) => [
    name,
    new Trend(`parley_${name}`, true),
  ]),
);
const counters = new Map<string, Counter>(countNames.map((name) => [name, new Counter(`parley_${name}`)]));

export interface Tally {
  time(name: TimeName, ms: number): void;
  count(name: CountName, by?: number): void;
  /** Something that went wrong, in a few words that are the same each time. */
  error(what: string): void;
  socketOpened(): void;
  socketClosed(): void;
  /** Tells the driver what came since the last time. */
  report(): void;
}

/** What the users of one VU saw. Told once a second in one line: a k6 output of every sample costs more than the load. */
export function createTally(vu: number): Tally {
  const histograms = new Map(timeNames.map((name) => [name, createHistogram()]));
  let counts: Partial<Record<CountName, number>> = {};
  let errors: Record<string, number> = {};
  let sockets = 0;

  const count = (name: CountName, by = 1): void => {
    counts[name] = (counts[name] ?? 0) + by;
  };

  return {
    count,
    time(name, ms) {
      histograms.get(name)?.add(ms);
      trends.get(name)?.add(ms);
    },
    error(what) {
      count("errors");
      errors[what] = (errors[what] ?? 0) + 1;
    },
    socketOpened: () => void sockets++,
    socketClosed: () => void sockets--,
    report() {
      const times: Partial<Record<string, Buckets>> = {};
      for (const [name, histogram] of histograms) if (histogram.count() > 0) times[name] = histogram.drain();
      for (const [name, by] of Object.entries(counts)) counters.get(name)?.add(by);
      console.log(reportMark + JSON.stringify({ vu, atMs: Date.now(), sockets, counts, errors, times }));
      counts = {};
      errors = {};
    },
  };
}

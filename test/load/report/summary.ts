import type { Ledger } from "../ledger.ts";
import { thresholdsCrossed } from "../generator.ts";
import type { LoadOptions } from "../load-options.ts";
import type { Run } from "../run.ts";
import type { Verdict } from "../verdict.ts";
import type { Machine } from "./machine.ts";
import { type ProcessFigures, processFigures } from "./process-figures.ts";
import { megabyte, round } from "./units.ts";

export interface TimeFigures {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** The result of a run, as summary.json has it. */
export interface Summary {
  readonly scenario: string;
  readonly title: string;
  readonly command: string;
  readonly startedAt: string;
  readonly durationS: number;
  readonly options: LoadOptions;
  readonly machine: Machine;
  readonly passed: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly mostSockets: number;
  readonly timesMs: Readonly<Record<string, TimeFigures>>;
  readonly processes: readonly ProcessFigures[];
  /** Cores that everything else on the machine used meanwhile. */
  readonly coresOfOthers: number | undefined;
  readonly brokers: Readonly<Record<string, number>>;
  readonly edges: Readonly<Record<string, number>>;
  readonly verdicts: readonly Verdict[];
}

export interface SummaryOptions {
  readonly scenario: { readonly name: string; readonly title: string };
  readonly options: LoadOptions;
  readonly command: string;
  readonly startedAt: Date;
  readonly machine: Machine;
}

const countNames = [
  ...["connected", "turns", "tokens", "frames", "snapshots", "restarts", "reconnects"],
  ...[
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
  ],
];

export function summarise(run: Run, about: SummaryOptions): Summary {
  const { ledger, monitor, durationS } = run;
  const verdicts = [...thresholdVerdicts(run), ...run.verdicts];
  const processes = monitor.processes.records().map((record) => processFigures(record, ledger));
  return {
    scenario: about.scenario.name,
    title: about.scenario.title,
    command: about.command,
    startedAt: about.startedAt.toISOString(),
    durationS: round(durationS, 1),
    options: about.options,
    machine: about.machine,
    passed: verdicts.every(({ isGood }) => isGood),
    counts: Object.fromEntries(countNames.map((name) => [name, ledger.count(name)])),
    errors: Object.fromEntries(ledger.errors()),
    mostSockets: Math.max(0, ...Array.from(ledger.seconds(), (second) => second?.sockets ?? 0)),
    timesMs: Object.fromEntries(ledger.timeNames().map((name) => [name, timeFigures(ledger, name)])),
    processes,
    coresOfOthers: coresOfOthers(run, processes),
    brokers: brokerFigures(run),
    edges: Object.fromEntries(monitor.edgeFigures()),
    verdicts,
  };
}

function coresOfOthers({ monitor, durationS }: Run, own: readonly ProcessFigures[]): number | undefined {
  const machineS = monitor.machineCpuS();
  if (machineS === undefined) return undefined;
  const ownS = own.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  return round(Math.max(0, machineS - ownS) / durationS, 2);
}

function thresholdVerdicts({ k6 }: Run): Verdict[] {
  const failures = k6
    .filter(({ code }) => code !== 0 && code !== thresholdsCrossed)
    .map(({ code }) => ({ what: "k6 ends by itself", says: `exit code ${code}`, isGood: false }));
  const crossed = k6.flatMap(({ summary }, index) =>
    Object.entries(summary.metrics).flatMap(([metric, { values, thresholds = {} }]) =>
      Object.entries(thresholds).map(([expression, { ok }]) => ({
        what: `${metric} ${expression}${k6.length > 1 ? ` (k6 ${index + 1})` : ""}`,
        says: String(round(measuredFor(expression, values), 2)),
        isGood: ok,
      })),
    ),
  );
  return [...failures, ...crossed];
}

/** The figure that a threshold looks at: `p(95)<500` → the value of `p(95)`. A trend without samples has none. */
function measuredFor(expression: string, values: Readonly<Record<string, number>>): number {
  return values[/^[^<>=!]+/.exec(expression)?.[0].trim() ?? ""] ?? 0;
}

function timeFigures(ledger: Ledger, name: string): TimeFigures {
  const histogram = ledger.time(name);
  const at = (share: number): number => round(histogram.quantile(share) ?? 0, 2);
  return {
    count: histogram.count(),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  };
}

function brokerFigures({ monitor }: Run): Record<string, number> {
  const first = monitor.brokers[0];
  const last = monitor.brokers.at(-1);
  if (first === undefined || last === undefined) return {};
  return {
    "NATS messages in": last.nats.in_msgs - first.nats.in_msgs,
    "NATS messages out": last.nats.out_msgs - first.nats.out_msgs,
    "NATS MB out": round((last.nats.out_bytes - first.nats.out_bytes) / megabyte, 1),
    "NATS messages stored": last.nats.stored_messages - first.nats.stored_messages,
    "NATS MB stored": round((last.nats.stored_bytes - first.nats.stored_bytes) / megabyte, 1),
    "NATS slow consumers": last.nats.slow_consumers,
    "NATS subscriptions at the end": last.nats.subscriptions,
    "Redis commands": last.redis.commands - first.redis.commands,
    "Redis MB": round(last.redis.memoryBytes / megabyte, 1),
  };
}

import { readFigures, sumOf } from "../chaos/world/figures.ts";
import type { Ledger } from "./ledger.ts";
import { readNats, readRedis, type NatsFigures, type RedisFigures } from "./world/broker-figures.ts";
import { createProcessSampler, type ProcessSampler, sampleMachine } from "./world/process-sampler.ts";
import type { World } from "./world/world.ts";

export interface BrokerSample {
  readonly atS: number;
  readonly nats: NatsFigures;
  readonly redis: RedisFigures;
}

export interface WatchOptions {
  readonly ledger: Ledger;
  readonly say: (line: string) => void;
  readonly tellEveryMs: number;
}

/** What the system under load costs, and what it says about itself. */
export interface Monitor {
  readonly processes: ProcessSampler;
  readonly brokers: readonly BrokerSample[];
  /** CPU seconds of the whole machine between the first sample and the last. */
  machineCpuS(): number | undefined;
  /** Figures of the edges' own metrics, summed over the edges that answer. */
  edgeFigures(): ReadonlyMap<string, number>;
  sample(): Promise<void>;
  /** Samples once a second and says a line now and then, until it is stopped. */
  watch(options: WatchOptions): { stop(): void };
}

const sampleEveryMs = 1_000;
const edgeFigureNames = [
  "snapshots",
  "holes",
  "lagged",
  "refused_upgrades",
  "frames_sent",
  "closes",
  "resumes",
  "errors",
];

export function createMonitor(world: World, startedMs: number): Monitor {
  const nowS = (): number => (Date.now() - startedMs) / 1_000;
  const processes = createProcessSampler(
    [...world.processes, { name: "load driver", pid: process.pid, isLoad: true }],
    nowS,
  );
  const brokers: BrokerSample[] = [];
  const machine: number[] = [];
  const figuresOf = new Map<number, ReadonlyMap<string, number>>();

  const sampleEdges = async (): Promise<void> => {
    for (const { adminPort } of world.edges) {
      // An edge that was killed keeps the figures it had.
      const figures = await readFigures(adminPort).catch(() => undefined);
      if (figures !== undefined) figuresOf.set(adminPort, figures);
    }
  };
  const sample = async (): Promise<void> => {
    const [busyS] = await Promise.all([sampleMachine(), processes.sample()]);
    if (busyS !== undefined) machine.push(busyS);
    await sampleEdges();
    const [nats, redis] = await Promise.all([readNats(world), readRedis(world)]);
    brokers.push({ atS: nowS(), nats, redis });
  };

  return {
    processes,
    brokers,
    sample,
    machineCpuS: () => differenceOf(machine),
    edgeFigures: () =>
      new Map(edgeFigureNames.map((name) => [name, sumAll(figuresOf.values(), `parley_edge_${name}_total`)])),
    watch({ ledger, say, tellEveryMs }) {
      let isSampling = false;
      const sampling = setInterval(() => {
        // A machine under full load may take longer than a second for it.
        if (isSampling) return;
        isSampling = true;
        // A broker that is too busy to answer leaves a hole in the plots, no more.
        void sample()
          .catch(() => undefined)
          .finally(() => (isSampling = false));
      }, sampleEveryMs);
      const tell = createTeller(ledger, processes);
      const telling = setInterval(() => say(tell(nowS())), tellEveryMs);
      return {
        stop() {
          clearInterval(sampling);
          clearInterval(telling);
        },
      };
    },
  };
}

function differenceOf(values: readonly number[]): number | undefined {
  const [first] = values;
  const last = values.at(-1);
  return first === undefined || last === undefined ? undefined : last - first;
}

function sumAll(all: Iterable<ReadonlyMap<string, number>>, name: string): number {
  let sum = 0;
  for (const figures of all) sum += sumOf(figures, name) ?? 0;
  return sum;
}

/** A line of progress: what was done since the one before, and who is busy. */
function createTeller(ledger: Ledger, processes: ProcessSampler): (atS: number) => string {
  let before = { atS: 0, turns: 0, tokens: 0 };
  return (atS) => {
    const now = { atS, turns: ledger.count("turns"), tokens: ledger.count("tokens") };
    const perS = (key: "turns" | "tokens"): number => Math.round((now[key] - before[key]) / (now.atS - before.atS));
    const faults = ["gaps", "repeats", "out_of_order", "wrong"].reduce((sum, name) => sum + ledger.count(name), 0);
    const busy = processes
      .usage()
      .filter(({ cores }) => cores >= 0.02)
      .map(({ name, cores }) => `${name} ${Math.round(cores * 100)}%`);
    const line = [
      `  ${String(Math.round(atS)).padStart(3)} s`,
      `${ledger.sockets()} sockets`,
      `${now.turns} turns (${perS("turns")}/s)`,
      `${now.tokens} tokens (${perS("tokens")}/s)`,
      `${ledger.count("errors")} errors`,
      `${faults} faults`,
      `cpu: ${busy.join(" ")}`,
    ].join("  ");
    before = now;
    return line;
  };
}

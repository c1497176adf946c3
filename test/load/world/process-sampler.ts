import { readFile } from "node:fs/promises";
import { readFigures, sumOf } from "../../chaos/world/figures.ts";
import type { Measured } from "./world.ts";

export interface ProcessSample {
  /** Seconds since the start of the run. */
  readonly atS: number;
  /** CPU seconds used so far. */
  readonly cpuS: number;
  readonly rssBytes: number;
  readonly files: number | undefined;
  /** What its last full garbage collection left. Undefined: there was none yet, or it does not say. */
  readonly liveBytes?: number | undefined;
}

/** Linux counts CPU time for /proc in this unit on every architecture that Node runs on. */
const ticksPerSecond = 100;

/** Reads what a process has used. Undefined: it is gone, or the system has no /proc. */
async function sampleProcess({ pid, adminPort }: Measured): Promise<Omit<ProcessSample, "atS"> | undefined> {
  try {
    const [stat, status, liveBytes] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile(`/proc/${pid}/status`, "utf8"),
      adminPort === undefined ? undefined : readLive(adminPort),
    ]);
    return { ...parseStat(stat), ...parseStatus(status), liveBytes };
  } catch {
    return undefined;
  }
}

async function readLive(adminPort: number): Promise<number | undefined> {
  const figures = await readFigures(adminPort).catch(() => undefined);
  const bytes = figures === undefined ? undefined : sumOf(figures, "parley_heap_live_bytes");
  return bytes === 0 ? undefined : bytes;
}

/** The program's name stands in brackets and may contain blanks, so counting begins behind it. Source: proc(5). */
export function parseStat(text: string): { cpuS: number } {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { cpuS: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
}

function parseStatus(text: string): { rssBytes: number; files: number | undefined } {
  const slots = /^FDSize:\s+(\d+)$/m.exec(text)?.[1];
  return {
    rssBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1_024,
    files: slots === undefined ? undefined : Number(slots),
  };
}

/** CPU seconds that the whole machine has used, and those that its host kept from it. Undefined: there is no /proc. */
export async function sampleMachine(): Promise<number | undefined> {
  try {
    return parseMachine(await readFile("/proc/stat", "utf8"));
  } catch {
    return undefined;
  }
}

/** All but `idle` and `iowait`, and without the guests, who are in `user` already. Source: proc(5). */
export function parseMachine(text: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    /^cpu +(.*)$/m.exec(text)?.[1]?.split(" ").map(Number) ?? [];
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}

export interface ProcessRecord {
  readonly name: string;
  readonly isLoad?: boolean;
  readonly samples: ProcessSample[];
}

export interface ProcessSampler {
  add(process: Measured): void;
  sample(): Promise<void>;
  records(): readonly ProcessRecord[];
  /** CPU use since the sample before, as shares of one core by name. */
  usage(): readonly { readonly name: string; readonly cores: number }[];
}

/** Follows the costs of processes. Whoever asks for samples decides when. */
export function createProcessSampler(processes: readonly Measured[], nowS: () => number): ProcessSampler {
  const followed = processes.map((process) => ({ ...process, samples: [] as ProcessSample[] }));
  return {
    add: (process) => void followed.push({ ...process, samples: [] }),
    async sample() {
      await Promise.all(
        followed.map(async ({ samples, ...process }) => {
          const read = await sampleProcess(process);
          if (read !== undefined) samples.push({ atS: nowS(), ...read });
        }),
      );
    },
    records: () => followed,
    usage: () => followed.map(({ name, samples }) => ({ name, cores: coresOf(samples.at(-2), samples.at(-1)) })),
  };
}

export function coresOf(before: ProcessSample | undefined, after: ProcessSample | undefined): number {
  if (before === undefined || after === undefined || after.atS <= before.atS) return 0;
  return (after.cpuS - before.cpuS) / (after.atS - before.atS);
}

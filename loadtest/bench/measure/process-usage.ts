import { readFileSync } from "node:fs";

/** USER_HZ: what Linux counts processor time in for user space, on every architecture Node runs on. */
const ticksPerSecond = 100;

/** Processor time the process has used, user and system together, in seconds. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The program's name, in brackets, may contain anything; what follows it is numbers.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Processor time that the whole machine has used, what its host kept from it included, in seconds. Source: proc(5). */
export function machineCpuSeconds(): number {
  const cpu = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = cpu.split(" ").map(Number);
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond;
}

export function residentBytesOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

type Used<Name extends string> = Readonly<Record<Name, number>>;

/** Begins to count; the returned function says how many seconds each process has used since. */
export function countCpu<Name extends string>(pids: Readonly<Record<Name, number>>): () => Used<Name> {
  const measure = (): Used<Name> => mapValues(pids, cpuSecondsOf);
  const before = measure();
  return () => mapValues(measure(), (seconds, name) => seconds - before[name]);
}

export function mapValues<Name extends string, From, To>(
  values: Readonly<Record<Name, From>>,
  change: (value: From, name: Name) => To,
): Record<Name, To> {
  const result: Partial<Record<Name, To>> = {};
  for (const name in values) result[name] = change(values[name], name);
  if (!isWhole(values, result)) throw new Error("a value is missing");
  return result;
}

function isWhole<Name extends string, To>(
  values: Readonly<Record<Name, unknown>>,
  result: Partial<Record<Name, To>>,
): result is Record<Name, To> {
  return Object.keys(values).every((name) => name in result);
}

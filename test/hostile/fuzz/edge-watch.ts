import { eventually, type Service } from "@parley/testkit";
import { z } from "zod";

/** Lets a process collect its garbage when it is told to: what is left then is held by somebody. */
const collectOnSignal =
  "import{setFlagsFromString}from'node:v8';import{runInNewContext}from'node:vm';setFlagsFromString('--expose-gc');const gc=runInNewContext('gc');process.on('SIGUSR2',()=>gc())";

/** For the edge under attack. */
export const watchedEnvironment = {
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(collectOnSignal)}`,
  LOG_LEVEL: "warn",
};

export interface Held {
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly sockets: number;
  readonly viewers: number;
}

const LogLine = z.looseObject({ level: z.string(), msg: z.string() });

async function metricsOf({ adminPort }: Service): Promise<(name: string) => number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return (name) => {
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  };
}

const settleMs = 20_000;
/** How long a hub and an HTTP request may outlive whoever looked. */
const collections = 3;

/** What a process holds once nothing is going on in it but what was before. */
export async function heldBy(edge: Service, sockets: number): Promise<Held> {
  const only = async (): Promise<boolean> => (await metricsOf(edge))("parley_edge_sockets") <= sockets;
  await eventually(only, { what: `no more than ${sockets} sockets`, timeoutMs: settleMs, intervalMs: 100 }).catch(
    () => undefined,
  );
  for (let count = 0; count < collections; count++) {
    process.kill(edge.pid, "SIGUSR2");
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  const metric = await metricsOf(edge);
  return {
    heapBytes: metric("nodejs_heap_size_used_bytes") + metric("nodejs_external_memory_bytes"),
    residentBytes: metric("process_resident_memory_bytes"),
    sockets: metric("parley_edge_sockets"),
    viewers: metric("parley_edge_viewers"),
  };
}

/** A conversation that was accepted is known for a while, and a token that was checked too: so much may be held for it. */
const heldPerInputBytes = 4 * 1024;
const heldAtMostBytes = 24 * 1024 * 1024;

/** What is held that was not before, as sentences. */
export function leaks(before: Held, after: Held, inputs: number): string[] {
  const grownBytes = after.heapBytes - before.heapBytes;
  const allowedBytes = heldAtMostBytes + inputs * heldPerInputBytes;
  return [
    ...(grownBytes > allowedBytes ? [`the heap has grown by ${Math.round(grownBytes / 2 ** 20)} MiB`] : []),
    ...(after.sockets > before.sockets ? [`${after.sockets} sockets are open, before it were ${before.sockets}`] : []),
    ...(after.viewers > before.viewers ? [`${after.viewers} viewers are left, before it were ${before.viewers}`] : []),
  ];
}

/** What its log says that must not be there: words of a dying process, or an error that nobody foresaw. */
export function logProblems(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const parsed = LogLine.safeParse(jsonOf(line));
      if (!parsed.success) return [`no line of the log: ${line.slice(0, 200)}`];
      const { level, msg } = parsed.data;
      return level === "error" || level === "fatal" ? [`${level}: ${msg} ${line.slice(0, 400)}`] : [];
    });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

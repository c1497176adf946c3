import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { eventually } from "@parley/testkit";
import { z } from "zod";
import type { Figures } from "./harm.ts";

const Sample = z.object({ what: z.enum(["pong", "token", "refused", "closed"]), ms: z.number() });
type Sample = z.infer<typeof Sample>;

export interface Neighbour extends AsyncDisposable {
  /** What came since the last call; waits for so many pings, which come every 20 ms. */
  figures(pings: number): Promise<Figures>;
  /** Refusals, and the end of the connection: there must be none. */
  readonly faults: readonly string[];
}

const repository = path.resolve(import.meta.dirname, "../../..");

/** Starts a well-behaved person at an edge, and waits for the first answers. */
export async function startNeighbour(port: number, token: string): Promise<Neighbour> {
  const url = `ws://127.0.0.1:${port}/ws/chat?token=${token}`;
  const program = path.join(import.meta.dirname, "talk.ts");
  const child = spawn(process.execPath, ["--conditions=source", "--import", "tsx", program, url], {
    cwd: repository,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let samples: Sample[] = [];
  const faults: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const sample = Sample.parse(JSON.parse(line));
    if (sample.what === "refused" || sample.what === "closed") faults.push(`${sample.what} ${Math.round(sample.ms)}`);
    samples.push(sample);
  });
  const of = (what: Sample["what"]): number[] => samples.filter((sample) => sample.what === what).map(({ ms }) => ms);
  await eventually(() => of("token").length > 2 || faults.length > 0, { what: "the neighbour", timeoutMs: 30_000 });
  samples = [];
  return {
    faults,
    async figures(pings) {
      const isEnough = (): boolean => of("pong").length >= pings || faults.length > 0;
      await eventually(isEnough, { what: "pings of the neighbour", timeoutMs: 60_000 });
      const figures = { pingMs: p99(of("pong")), firstTokenMs: p99(of("token")) };
      samples = [];
      return figures;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      if (child.kill("SIGKILL")) await ended;
    },
  };
}

function p99(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * 0.99) - 1)] ?? 0;
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { eventually } from "@parley/testkit";
import { z } from "zod";

const Sample = z.object({ what: z.enum(["pong", "token", "refused", "closed"]), ms: z.number() });
type Sample = z.infer<typeof Sample>;

/** What a well-behaved person's answers took in some time. */
export interface Figures {
  readonly pings: number;
  readonly pingP99Ms: number;
  readonly turns: number;
  readonly firstTokenP99Ms: number;
}

export interface Neighbour extends AsyncDisposable {
  /** The samples since the last call; at least so many of pings, which come every 20 ms. */
  figures(minPings: number): Promise<Figures>;
  /** Refusals, and the end of the connection: there must be none. */
  readonly faults: readonly string[];
}

const repository = path.resolve(import.meta.dirname, "../../..");

/** Starts one, and waits for its first answers. */
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
    if (sample.what === "refused" || sample.what === "closed") faults.push(`${sample.what} ${sample.ms}`);
    samples.push(sample);
  });
  const of = (what: Sample["what"]): number[] => samples.filter((sample) => sample.what === what).map(({ ms }) => ms);
  await eventually(() => of("token").length > 2 || faults.length > 0, { what: "the neighbour", timeoutMs: 30_000 });
  samples = [];
  return {
    faults,
    async figures(minPings) {
      const isEnough = (): boolean => of("pong").length >= minPings || faults.length > 0;
      await eventually(isEnough, { what: "pings of the neighbour", timeoutMs: 60_000 });
      const [pings, tokens] = [of("pong"), of("token")];
      samples = [];
      return {
        pings: pings.length,
        pingP99Ms: p99(pings),
        turns: tokens.length,
        firstTokenP99Ms: p99(tokens),
      };
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

/** Below these an answer is as good as at once, whatever it took before: a scheduler that comes late once is no harm of the edge's. */
const pingSlackMs = 15;
const firstTokenSlackMs = 60;
const maxRatio = 2;

export interface Harm {
  readonly pingRatio: number;
  readonly firstTokenRatio: number;
  readonly isHarmed: boolean;
}

/** Compares windows of time by their medians: one bad second of the machine, before or meanwhile, decides nothing. */
export function harmOf(before: readonly Figures[], during: readonly Figures[]): Harm {
  const [pings, pingsNow] = [before, during].map((all) => median(all.map(({ pingP99Ms }) => pingP99Ms)));
  const [tokens, tokensNow] = [before, during].map((all) => median(all.map(({ firstTokenP99Ms }) => firstTokenP99Ms)));
  const isWorse = (then = 0, now = 0, slackMs = 0): boolean => now > Math.max(then * maxRatio, then + slackMs);
  return {
    pingRatio: (pingsNow ?? 0) / (pings || 1),
    firstTokenRatio: (tokensNow ?? 0) / (tokens || 1),
    isHarmed: isWorse(pings, pingsNow, pingSlackMs) || isWorse(tokens, tokensNow, firstTokenSlackMs),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, startNats, startRedis, startService, type Broker } from "@parley/testkit";
import { z } from "zod";
import { withBelongings } from "../measure/belongings.ts";
import { countCpu, cpuSecondsOf, mapValues, residentBytesOf } from "../measure/process-usage.ts";
import { profiling } from "../measure/profiling.ts";
import { startRole, type Role } from "../measure/role.ts";
import type { Load } from "./load.ts";

const Written = z.object({ refused: z.number() });
const Frames = z.object({ frames: z.number() });
const Seen = z.object({
  ...{ tokens: z.number(), expected: z.number(), frames: z.number(), disorder: z.number() },
  ...{ tokensPerSecond: z.number(), p50: z.number(), p95: z.number(), p99: z.number() },
});

export type Side = "parley" | "bare";
const parts = ["writer", "edge", "nats", "viewers"] as const;
export type Part = (typeof parts)[number];

export type RelayRun = z.infer<typeof Seen> & {
  readonly refused: number;
  readonly edgeMb: number;
  /** Processor seconds of each process per million tokens delivered. */
  readonly cpuPerMillion: Readonly<Record<Part, number>>;
  /** Processor time of the edge per frame sent, in µs. */
  readonly edgeMicrosPerFrame: number;
};

interface Stage {
  readonly writer: Role;
  readonly viewers: Role;
  readonly edgePid: number;
  readonly nats: Broker;
}

/** One run: tokens are made, stored, shown and counted, and each process's time with them. */
async function play({ writer, viewers, edgePid, nats }: Stage, load: Load, warmUpSeconds: number): Promise<RelayRun> {
  await viewers.tell("connect");
  const pids = { writer: writer.pid, edge: edgePid, nats: nats.pid, viewers: viewers.pid };
  const used = countCpu(pids);
  const deadlineMs = (load.seconds + 60) * 1_000;
  const [{ refused }, seen, before] = await Promise.all([
    writer.ask("write", Written, deadlineMs),
    viewers.ask("count", Seen, deadlineMs),
    edgeAfter(warmUpSeconds, viewers, edgePid),
  ]);
  const cpu = used();
  return {
    ...seen,
    refused,
    edgeMb: residentBytesOf(edgePid) / 2 ** 20,
    cpuPerMillion: mapValues(cpu, (seconds) => (seconds / seen.tokens) * 1_000_000),
    edgeMicrosPerFrame: ((cpuSecondsOf(edgePid) - before.cpuSeconds) / (seen.frames - before.frames)) * 1_000_000,
  };
}

/** What the edge has done until its engine has compiled what it runs. */
async function edgeAfter(warmUpSeconds: number, viewers: Role, edgePid: number) {
  await delay(warmUpSeconds * 1_000);
  const { frames } = await viewers.ask("frames", Frames);
  return { frames, cpuSeconds: cpuSecondsOf(edgePid) };
}

function runBare(load: Load, warmUpSeconds: number): Promise<RelayRun> {
  return withBelongings(async (own) => {
    const nats = await own(startNats());
    const port = await freePort();
    const writer = await own(
      startRole(new URL("../bare-relay/writer.role.ts", import.meta.url), { nats: nats.url, load }),
    );
    const edge = await own(startRole(new URL("../bare-relay/edge.role.ts", import.meta.url), { nats: nats.url, port }));
    const viewers = await own(startRole(new URL("viewers.role.ts", import.meta.url), { port, load }));
    return play({ writer, viewers, edgePid: edge.pid, nats }, load, warmUpSeconds);
  });
}

function runParley(load: Load, { warmUpSeconds = 0, profileDir }: RelayOptions): Promise<RelayRun> {
  return withBelongings(async (own) => {
    const nats = await own(startNats());
    const redis = await own(startRedis());
    const secret = randomBytes(32).toString("hex");
    const profile = profiling(profileDir, "edge");
    const env = { NATS_URL: nats.url, REDIS_URL: redis.url, AUTH_JWT_SECRET: secret, LOG_LEVEL: "warn" };
    const edge = await own(startService("edge", { ...env, ...profile.env }));
    const writer = await own(startRole(new URL("parley-writer.role.ts", import.meta.url), { nats: nats.url, load }));
    await writer.tell("claim");
    const viewers = await own(
      startRole(new URL("viewers.role.ts", import.meta.url), { port: edge.port, load, secret }),
    );
    profile.start(edge.pid);
    const run = await play({ writer, viewers, edgePid: edge.pid, nats }, load, warmUpSeconds);
    await profile.write(edge.pid);
    return run;
  });
}

export interface RelayOptions {
  /** Of the load's seconds, those that the edge's time per frame leaves out. Default 0. */
  readonly warmUpSeconds?: number;
  readonly profileDir: string | undefined;
}

export function runRelay(side: Side, load: Load, options: RelayOptions): Promise<RelayRun> {
  return side === "bare" ? runBare(load, options.warmUpSeconds ?? 0) : runParley(load, options);
}

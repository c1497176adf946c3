import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startNats, startRedis, startService } from "@parley/testkit";
import { z } from "zod";
import { withBelongings } from "../measure/belongings.ts";
import { cpuSecondsOf } from "../measure/process-usage.ts";
import { profiling } from "../measure/profiling.ts";
import { startRole, type Role } from "../measure/role.ts";
import type { Load } from "../relay/load.ts";
import { Seen } from "./audience.ts";

const Written = z.object({ refused: z.number() });

export interface ReadersOptions {
  readonly readers: number;
  readonly bystanders: number;
  readonly rate: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly profileDir: string | undefined;
}

/** What was seen and used in the measured part, and what never came of all that was written. */
export interface Phase {
  readonly seen: Seen;
  readonly edgeCpuSeconds: number;
  readonly missing: number;
  readonly disorder: number;
}

export interface ReadersRun {
  readonly without: Phase;
  readonly with: Phase;
}

const edges = 2;
const flushMs = 25;

interface Stage {
  readonly writer: Role;
  readonly readers: Role;
  readonly edgePids: readonly number[];
  readonly load: Load;
  readonly warmUpSeconds: number;
}

/** Tokens are written for the load's seconds; what comes after the warm-up and before they end is measured. */
async function play({ writer, readers, edgePids, load, warmUpSeconds }: Stage, readerCount: number): Promise<Phase> {
  const cpu = (): number => edgePids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
  const measure = async () => {
    await delay(warmUpSeconds * 1_000);
    const early = await readers.ask("drain", Seen);
    const before = cpu();
    await delay((load.seconds - warmUpSeconds) * 1_000);
    const seen = await readers.ask("drain", Seen);
    return { early, seen, edgeCpuSeconds: cpu() - before };
  };
  const [, { early, seen, edgeCpuSeconds }] = await Promise.all([
    writer.ask("write", Written, (load.seconds + 60) * 1_000),
    measure(),
  ]);
  const all = [early, seen, await readers.ask("rest", Seen)].flatMap((each) => [each.readers, each.bystanders]);
  const expected = load.rate * load.seconds * (readerCount + load.turns - 1);
  return {
    ...{ seen, edgeCpuSeconds },
    missing: Math.round(expected - all.reduce((sum, { tokens }) => sum + tokens, 0)),
    disorder: all.reduce((sum, { disorder }) => sum + disorder, 0),
  };
}

/** Two edges, one conversation with many readers and some with one each; first without the many, then with them. */
export function runReaders(options: ReadersOptions): Promise<ReadersRun> {
  const { readers: count, bystanders, rate, warmUpSeconds, seconds, profileDir } = options;
  const load: Load = { turns: bystanders + 1, rate, seconds: warmUpSeconds + seconds, flushMs, viewersPerTurn: 1 };
  return withBelongings(async (own) => {
    const nats = await own(startNats());
    const redis = await own(startRedis());
    const secret = randomBytes(32).toString("hex");
    const profile = profiling(profileDir, "edge");
    const env = { NATS_URL: nats.url, REDIS_URL: redis.url, AUTH_JWT_SECRET: secret, LOG_LEVEL: "warn" };
    const started = await Promise.all(
      Array.from({ length: edges }, (_, index) =>
        own(startService("edge", { ...env, ...(index === 0 ? profile.env : {}) })),
      ),
    );
    const role = new URL("../relay/parley-writer.role.ts", import.meta.url);
    const writer = await own(startRole(role, { nats: nats.url, load }));
    await writer.tell("claim");
    const ports = started.map(({ port }) => port);
    const audience = { ports, secret, load, readers: count };
    const readers = await own(startRole(new URL("readers.role.ts", import.meta.url), audience));
    const edgePids = started.map(({ pid }) => pid);
    const stage = { writer, readers, edgePids, load, warmUpSeconds };
    await readers.tell("stand");
    const without = await play(stage, 0);
    await readers.tell("gather");
    await readers.ask("rest", Seen);
    const [profiled = 0] = edgePids;
    profile.start(profiled);
    const withReaders = await play(stage, count);
    await profile.write(profiled);
    return { without, with: withReaders };
  });
}

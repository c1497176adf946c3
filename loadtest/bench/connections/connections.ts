import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, startNats, startRedis, startService } from "@parley/testkit";
import { z } from "zod";
import type { Bench, Budget } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { cpuSecondsOf, residentBytesOf } from "../measure/process-usage.ts";
import { interleave, medianOf } from "../measure/rounds.ts";
import { startRole } from "../measure/role.ts";
import { grouped, rounded } from "../measure/statistics.ts";

const counts = [5_000, 15_000] as const;
const sides = ["bare", "parley"] as const;
type Side = (typeof sides)[number];

/** Sockets that open and close before anything is measured: what the first ones make grow is not theirs. */
const warmUp = 200;
/** Until memory has stopped moving after the last socket is open. */
const settleMs = 3_000;
/** How long idle sockets are watched for what they cost. */
const idleMs = 10_000;

const Opened = z.object({ ms: z.number(), open: z.number() });

interface Target {
  readonly pid: number;
  readonly port: number;
  readonly secret?: string;
}

async function measure({ pid, port, secret }: Target, count: number) {
  const options = { port, ...(secret === undefined ? {} : { secret }) };
  const file = new URL("sockets.role.ts", import.meta.url);
  const first = await startRole(file, { ...options, count: warmUp });
  await first.tell("open");
  await first[Symbol.asyncDispose]();
  await delay(settleMs);
  const base = residentBytesOf(pid);
  const sockets = await startRole(file, { ...options, count });
  try {
    const cpuBefore = cpuSecondsOf(pid);
    const { ms, open } = await sockets.ask("open", Opened);
    const openingCpu = cpuSecondsOf(pid) - cpuBefore;
    await delay(settleMs);
    const bytesPerSocket = (residentBytesOf(pid) - base) / count;
    const idleBefore = cpuSecondsOf(pid);
    await delay(idleMs);
    const idleShare = (cpuSecondsOf(pid) - idleBefore) / (idleMs / 1_000);
    const perSecond = (open / ms) * 1_000;
    return {
      baseMb: base / 2 ** 20,
      bytesPerSocket,
      perSecond,
      cpuMsPerSocket: (openingCpu / count) * 1_000,
      idleShare,
    };
  } finally {
    await sockets[Symbol.asyncDispose]();
  }
}

function run(side: Side, count: number) {
  return withBelongings(async (own) => {
    const nats = await own(startNats());
    if (side === "bare") {
      const port = await freePort();
      const file = new URL("../bare-relay/edge.role.ts", import.meta.url);
      const { pid } = await own(startRole(file, { nats: nats.url, port }));
      return measure({ pid, port }, count);
    }
    const redis = await own(startRedis());
    const secret = randomBytes(32).toString("hex");
    const env = { NATS_URL: nats.url, REDIS_URL: redis.url, AUTH_JWT_SECRET: secret, LOG_LEVEL: "warn" };
    const { pid, port } = await own(startService("edge", env));
    return measure({ pid, port, secret }, count);
  });
}

/** What a socket costs that does nothing but be there. */
export const connections: Bench = {
  name: "connections",
  about: "memory of idle authenticated sockets, and how fast they are opened",
  takesSeconds: 270,
  async run({ rounds, only, say }) {
    const figures: object[] = [];
    const table = [["sockets", "side", "KB each", "opened/s", "CPU ms to open", "idle cores", "base MB"]];
    const budgets: Budget[] = [];
    for (const count of counts) {
      if (only !== undefined && !String(count).includes(only)) continue;
      const runs = await interleave(sides, rounds, async (side, round) => {
        const measured = await run(side, count);
        say(`${grouped(count)} sockets, round ${round}, ${side}: ${rounded(measured.bytesPerSocket / 1_024)} KB each`);
        return measured;
      });
      for (const side of sides) {
        const of = (figure: (one: Awaited<ReturnType<typeof run>>) => number): number =>
          medianOf(runs.get(side), figure);
        const kilobytes = of((one) => one.bytesPerSocket / 1_024);
        const rest = [
          of((one) => one.perSecond),
          of((one) => one.cpuMsPerSocket),
          of((one) => one.idleShare),
          of((one) => one.baseMb),
        ];
        table.push([grouped(count), side, ...[kilobytes, ...rest].map((value) => grouped(rounded(value)))]);
        if (side === "parley") {
          budgets.push({
            what: `${grouped(count)}: KB per idle authenticated socket`,
            value: kilobytes,
            limit: 2.5,
            is: "<=",
          });
        }
      }
      figures.push({ count, runs: Object.fromEntries(runs) });
    }
    return { figures, table, budgets };
  },
};

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startNats, startRedis, startService } from "@parley/testkit";
import { z } from "zod";
import type { Bench, BenchContext } from "../bench.ts";
import { withBelongings } from "../measure/belongings.ts";
import { countCpu } from "../measure/process-usage.ts";
import { profiling } from "../measure/profiling.ts";
import { medianOf } from "../measure/rounds.ts";
import { startRole } from "../measure/role.ts";
import { grouped, rounded } from "../measure/statistics.ts";
import { measureReconnect } from "./bare-reconnect.ts";
import type { ResumeLoad } from "./load.ts";

/** Slow answers: what resuming takes is to be measured, not whether two cores can stream 2,500 answers at once (`relay` does that). */
const load: ResumeLoad = { viewers: 5_000, streaming: 2_500, rate: 2 };
/** How long answers run before the edge dies, and after everybody is back. */
const beforeMs = 5_000;
const afterMs = 3_000;

const CaughtUp = z.object({ p50: z.number(), p99: z.number(), last: z.number(), retries: z.number() });
const Checked = z.object({
  ...{ unended: z.number(), broken: z.number(), tokens: z.number(), repeats: z.number(), snapshots: z.number() },
});
const Made = z.object({ tokens: z.number() });

function measure(profileDir: string | undefined) {
  return withBelongings(async (own) => {
    const nats = await own(startNats());
    const redis = await own(startRedis());
    const secret = randomBytes(32).toString("hex");
    const env = { NATS_URL: nats.url, REDIS_URL: redis.url, AUTH_JWT_SECRET: secret, LOG_LEVEL: "warn" };
    const profile = profiling(profileDir, "edge-resume");
    const dying = await own(startService("edge", env));
    const staying = await own(startService("edge", { ...env, ...profile.env }));
    const writer = await own(startRole(new URL("writer.role.ts", import.meta.url), { nats: nats.url, load }));
    await writer.tell("begin");
    const ports = [dying.port, staying.port];
    const watchers = await own(startRole(new URL("watchers.role.ts", import.meta.url), { load, secret, ports }));
    await watchers.tell("connect");
    await writer.tell("start");
    await delay(beforeMs);
    await watchers.tell("leave");
    const used = countCpu({ edge: staying.pid, nats: nats.pid });
    profile.start(staying.pid);
    await dying.kill();
    const times = await watchers.ask("caughtUp", CaughtUp);
    const cpu = used();
    await delay(afterMs);
    const [{ tokens: made }, checked] = await Promise.all([writer.ask("stop", Made), watchers.ask("check", Checked)]);
    await profile.write(staying.pid);
    return { ...times, ...checked, made, missing: made - checked.tokens, cpu };
  });
}

async function runRounds({ rounds, profileDir, say }: BenchContext) {
  const bare = [];
  const parley = [];
  for (let round = 1; round <= rounds; round++) {
    bare.push(await measureReconnect(load.viewers));
    const run = await measure(profileDir);
    say(`round ${round}: all caught up after ${rounded(run.last)} ms, ${run.missing} missing, ${run.repeats} repeated`);
    parley.push(run);
  }
  return { bare, parley };
}

/** An edge dies with everybody on it. */
export const resume: Bench = {
  name: "resume",
  about: `an edge is killed with ${load.viewers} viewers, ${load.streaming} of them in mid-answer`,
  takesSeconds: 120,
  async run(context) {
    const { bare, parley } = await runRounds(context);
    const of = (figure: (run: (typeof parley)[number]) => number): number => medianOf(parley, figure);
    const last = of((run) => run.last);
    const bareLast = medianOf(bare, (run) => run.last);
    const faults = Math.max(...parley.map((run) => Math.abs(run.missing) + run.broken + run.unended));
    const repeats = Math.max(...parley.map((run) => run.repeats));
    const shown = [of((run) => run.p50), of((run) => run.p99), last, faults, repeats].map((n) =>
      grouped(Math.round(n)),
    );
    const cpu = [of((run) => run.cpu.edge), of((run) => run.cpu.nats)].map((seconds) => String(rounded(seconds)));
    const table = [
      ["side", "p50 ms", "p99 ms", "last ms", "faults", "repeats", "edge CPU s", "nats CPU s"],
      [
        "bare reconnect",
        grouped(Math.round(medianOf(bare, (r) => r.p50))),
        grouped(Math.round(medianOf(bare, (r) => r.p99))),
        grouped(Math.round(bareLast)),
      ],
      ["parley resume", ...shown, ...cpu],
      ["ratio", "", "", String(rounded(last / bareLast))],
    ];
    const budgets = [
      { what: "all caught up, in ms", value: last, limit: 10_000, is: "<=" },
      { what: "tokens lost, texts broken or unended", value: faults, limit: 0, is: "<=" },
      { what: "frames repeated", value: repeats, limit: 0, is: "<=" },
    ] as const;
    return { figures: { load, bare, parley }, table, budgets };
  },
};

import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { withBelongings } from "../measure/belongings.ts";
import { cpuSecondsOf, machineCpuSeconds, residentBytesOf } from "../measure/process-usage.ts";
import { profiling } from "../measure/profiling.ts";
import { startRole } from "../measure/role.ts";
import { quantile, rounded } from "../measure/statistics.ts";
import { startModel } from "./model.ts";
import { type Contender, type Own, type Part, parts, type Target } from "./target.ts";
import type { Workload } from "./workload.ts";

export const Taken = z.object({
  firstMs: z.array(z.number()),
  beyondMs: z.array(z.number()),
  outcomes: z.record(z.string(), z.number()),
});

export const States = z.array(z.object({ seen: z.number(), isWaiting: z.boolean(), silenceMs: z.number() }));

export interface SteadyOptions {
  readonly contender: Contender;
  readonly workload: Workload;
  readonly people: number;
  readonly workers: number;
  readonly seconds: number;
  /** Before it is looked at what they cost. */
  readonly warmUpSeconds: number;
  readonly profileDir?: string | undefined;
}

export interface SteadyRow {
  readonly people: number;
  readonly turnsPerSecond: number;
  readonly firstMs: { readonly p50: number; readonly p95: number };
  /** Of whole turns, beyond the model's own time. */
  readonly beyondMs: { readonly p50: number; readonly p95: number };
  /** Processor milliseconds per turn. */
  readonly cpuMs: Readonly<Partial<Record<Part, number>>>;
  readonly totalMs: number;
  /** The most that the worker had in memory above what it had before. */
  readonly workerGrewMb: number;
  /** Answers that had begun and not ended when it was over. */
  readonly openAnswers: number;
  /** What the worker had in memory before anybody asked. */
  readonly workerBaseMb: number;
  /** Of one core: what the measuring itself takes, what is measured, and what else ran on the machine. */
  readonly cores: {
    readonly model: number;
    readonly people: number;
    readonly system: number;
    readonly others: number;
  };
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface Audience {
  readonly target: Target;
  readonly people: number;
  readonly turns: number;
  readonly workload: Workload;
}

export function startPeople(own: Own, contender: Contender, { target, ...rest }: Audience) {
  const options = { ...rest, dialect: contender.name, port: target.port, secret: target.secret };
  return own(startRole(new URL("people.role.ts", import.meta.url), options));
}

/** Everybody is somewhere else in their turn then. */
const warmUpCycles = 2;

function secondsOf({ pids }: Target): Record<Part, number> {
  const used = { worker: 0, broker: 0, edge: 0, toolWorker: 0, redis: 0 };
  for (const part of parts) for (const pid of pids[part] ?? []) used[part] += cpuSecondsOf(pid);
  return used;
}

function residentOf({ pids }: Target): number {
  return Math.max(0, ...(pids.worker ?? []).map(residentBytesOf));
}

/** Begins to count; the returned function gives what was used since, in seconds. */
function countFrom(target: Target, model: number, people: number) {
  const read = () => ({
    ...{ own: secondsOf(target), model: cpuSecondsOf(model), people: cpuSecondsOf(people) },
    machine: machineCpuSeconds(),
  });
  const before = read();
  const beganAt = performance.now();
  return () => {
    const after = read();
    return {
      passedS: (performance.now() - beganAt) / 1_000,
      usedS: parts.map((part) => [part, after.own[part] - before.own[part]] as const),
      modelS: after.model - before.model,
      peopleS: after.people - before.people,
      machineS: after.machine - before.machine,
    };
  };
}

/** One row: people who ask, wait, think and ask again, of which a part in the middle is measured. */
export function measureSteady(options: SteadyOptions): Promise<SteadyRow> {
  const { contender, workload, people, workers, seconds, warmUpSeconds, profileDir } = options;
  return withBelongings(async (own) => {
    const model = await own(startModel());
    const profile = profiling(profileDir, `turns-${contender.name}`);
    const target = await contender.start({ own, modelUrl: model.url, workers, workerEnv: profile.env });
    const residentAtStart = residentOf(target);
    const crowd = await startPeople(own, contender, { target, people, turns: 0, workload });
    await crowd.tell("start");
    await delay(Math.max(warmUpSeconds * 1_000, warmUpCycles * workload.cycleMs) - workload.cycleMs);
    const [worker = 0] = target.pids.worker ?? [];
    profile.start(worker);
    await crowd.ask("take", Taken);
    const count = countFrom(target, model.pid, crowd.pid);
    await delay(seconds * 1_000);
    const taken = await crowd.ask("take", Taken);
    const used = count();
    const states = await crowd.ask("states", States);
    const openAnswers = states.filter(({ seen, isWaiting }) => isWaiting && seen > 0).length;
    await profile.write(worker);
    return rowOf(options, { target, taken, used, residentAtStart, openAnswers });
  });
}

interface Measured {
  readonly target: Target;
  readonly taken: z.infer<typeof Taken>;
  readonly used: ReturnType<ReturnType<typeof countFrom>>;
  readonly residentAtStart: number;
  readonly openAnswers: number;
}

function rowOf({ people, seconds }: SteadyOptions, measured: Measured): SteadyRow {
  const { target, taken, used, residentAtStart, openAnswers } = measured;
  const { passedS, usedS, modelS, peopleS, machineS } = used;
  const turns = taken.beyondMs.length;
  const systemS = usedS.reduce((sum, [, each]) => sum + each, 0);
  const perTurn = (each: number): number => rounded((each * 1_000) / turns);
  const shown = usedS.filter(([part]) => target.pids[part] !== undefined);
  return {
    people,
    turnsPerSecond: rounded(turns / passedS),
    firstMs: spread(taken.firstMs, seconds),
    beyondMs: spread(taken.beyondMs, seconds),
    cpuMs: Object.fromEntries(shown.map(([part, each]) => [part, perTurn(each)])),
    totalMs: perTurn(systemS),
    workerGrewMb: rounded((residentOf(target) - residentAtStart) / 2 ** 20),
    openAnswers,
    workerBaseMb: rounded(residentAtStart / 2 ** 20),
    cores: {
      model: rounded(modelS / passedS),
      people: rounded(peopleS / passedS),
      system: rounded(systemS / passedS),
      others: rounded(Math.max(0, machineS - systemS - modelS - peopleS) / passedS),
    },
    outcomes: taken.outcomes,
  };
}

/** Where nobody got as far, it takes longer than what was measured. */
function spread(values: readonly number[], seconds: number): { p50: number; p95: number } {
  if (values.length === 0) return { p50: seconds * 1_000, p95: seconds * 1_000 };
  return { p50: rounded(quantile(values, 0.5)), p95: rounded(quantile(values, 0.95)) };
}

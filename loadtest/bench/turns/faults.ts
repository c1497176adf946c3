import { eventually } from "@parley/testkit";
import { withBelongings } from "../measure/belongings.ts";
import type { Role } from "../measure/role.ts";
import { quantile, rounded } from "../measure/statistics.ts";
import { startModel } from "./model.ts";
import { startPeople, States, Taken } from "./steady.ts";
import type { Contender, Target } from "./target.ts";
import { usual } from "./workload.ts";

export type FaultKind = "killed" | "frozen";

export interface FaultRow {
  readonly kind: FaultKind;
  readonly answers: number;
  /** The whole answer, each word once and in order, whatever happened meanwhile. */
  readonly right: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** The longest time without a token, of those that got their end. */
  readonly silenceMs: { readonly p50: number; readonly p95: number } | undefined;
}

const answers = 50;
/** Slow enough that a worker that wakes up finds the other one still writing. */
const workload = { ...usual, tokens: 120, rate: 8, cycleMs: 500 };
/** What is not ended then never will be. BullMQ takes 30 to 60 s to see that a worker is gone. */
const endDeadlineMs = 120_000;
const takeOverDeadlineMs = 80_000;
/** How long it is frozen where nobody can take over. */
const pauseMs = 5_000;
/** A pause of this length is none of the model's. */
const longMs = 1_000;
const begunCharacters = 20;

/** Waits until a worker has written some of all answers. */
async function isUnderWay(people: Role): Promise<boolean> {
  const states = await people.ask("states", States);
  return states.every(({ seen }) => seen >= begunCharacters);
}

async function isTakenOver(people: Role): Promise<boolean> {
  const states = await people.ask("states", States);
  const goOn = states.filter(({ silenceMs, isWaiting }) => silenceMs > longMs && isWaiting);
  return goOn.length >= answers / 2 || states.every(({ isWaiting }) => !isWaiting);
}

async function isOver(people: Role): Promise<boolean> {
  const states = await people.ask("states", States);
  return states.every(({ isWaiting }) => !isWaiting);
}

async function hurt(kind: FaultKind, { victim, addWorker }: Target, people: Role): Promise<void> {
  await people.tell("mark");
  if (kind === "killed") return void (await victim.kill());
  victim.freeze();
  if (addWorker === undefined) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  // Who never takes over is seen by what becomes of the answers.
  else await reached(takeOverDeadlineMs, "taken over", () => isTakenOver(people));
  victim.thaw();
}

async function reached(timeoutMs: number, what: string, test: () => Promise<boolean>): Promise<void> {
  await eventually(test, { what, timeoutMs, intervalMs: 50 }).catch(() => undefined);
}

/** People are in mid-answer when the process that reads the model is killed or stopped; another one is there to take over. */
export function measureFault(contender: Contender, kind: FaultKind): Promise<FaultRow> {
  return withBelongings(async (own) => {
    const model = await own(startModel());
    const target = await contender.start({ own, modelUrl: model.url, workers: 1, workerEnv: {} });
    const people = await startPeople(own, contender, { target, people: answers, turns: 1, workload });
    await people.tell("start");
    await eventually(() => isUnderWay(people), { what: "all answers have begun", timeoutMs: 20_000 });
    // Not before: it would take a part of the answers from the start.
    await target.addWorker?.();
    await hurt(kind, target, people);
    await reached(endDeadlineMs, "all answers have ended", () => isOver(people));
    const states = await people.ask("states", States);
    const { outcomes } = await people.ask("take", Taken);
    const unended = states.filter(({ isWaiting }) => isWaiting).length;
    const silences = states.filter(({ isWaiting, silenceMs }) => !isWaiting && silenceMs > 0);
    const spread = silences.map(({ silenceMs }) => silenceMs);
    return {
      ...{ kind, answers, right: outcomes["right"] ?? 0 },
      outcomes: { ...outcomes, ...(unended > 0 ? { "without end": unended } : {}) },
      silenceMs:
        (outcomes["lost"] ?? 0) === answers
          ? undefined
          : { p50: rounded(quantile(spread, 0.5)), p95: rounded(quantile(spread, 0.95)) },
    };
  });
}

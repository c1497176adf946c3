import type { Budget } from "../bench.ts";
import type { ContenderResult } from "./results.ts";
import type { SteadyRow } from "./steady.ts";

type Figure = number | undefined;

/** What Parley's rows may cost; of those that were measured. */
export function budgetsOf(results: readonly ContenderResult[]): Budget[] {
  const own = results.find(({ name }) => name === "parley");
  return own === undefined ? [] : [...waitingBudgets(own), ...costBudgets(own)];
}

function rowAt({ rows }: ContenderResult, people: number): SteadyRow | undefined {
  return rows.find(({ part, row }) => part === "people" && row.people === people)?.row;
}

function waitingBudgets(own: ContenderResult): Budget[] {
  const { saturation } = own;
  return [
    ...atMost("first token p95 at 200 people, ms", rowAt(own, 200)?.firstMs.p95, 15),
    ...atMost("first token p95 at 400 people, ms", rowAt(own, 400)?.firstMs.p95, 30),
    ...(saturation === undefined
      ? []
      : [
          {
            what: "people until the first token is late",
            ...{ value: saturation.people ?? saturation.mostTried, limit: 700, is: ">=" as const },
          },
        ]),
  ];
}

function costBudgets(own: ContenderResult): Budget[] {
  const row = rowAt(own, 200);
  const fixed = own.rows.find(({ part }) => part === "short")?.row;
  return [
    ...atMost("worker, ms per turn at 200 people", row?.cpuMs.worker, 4),
    ...atMost("all processes, ms per turn at 200 people", row?.totalMs, 8),
    ...atMost("worker, ms per turn of 4 tokens", fixed?.cpuMs.worker, 2),
    ...atMost("cores of the model server at 200 people", row?.cores.model, 0.1),
    ...atMost("KB of a worker per open turn", own.openTurnKb, 60),
  ];
}

function atMost(what: string, value: Figure, limit: number): Budget[] {
  return value === undefined ? [] : [{ what, value, limit, is: "<=" }];
}

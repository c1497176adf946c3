import { rounded } from "../measure/statistics.ts";
import type { FaultRow } from "./faults.ts";
import type { Saturation } from "./saturation.ts";
import type { SteadyRow } from "./steady.ts";
import { type DialectName } from "./dialects.ts";
import { type Part, parts, partTitles } from "./target.ts";
import type { Workload } from "./workload.ts";

/** A row with a name; `people` rows differ only in how many there are. */
export interface NamedRow {
  readonly part: "people" | "short" | "long" | "tool";
  readonly workload: Workload;
  readonly row: SteadyRow;
}

export interface ContenderResult {
  readonly name: DialectName;
  readonly title: string;
  readonly rows: readonly NamedRow[];
  readonly saturation: Saturation | undefined;
  readonly faults: readonly FaultRow[];
  readonly openTurnKb: number | undefined;
}

const wrongOutcomes = (outcomes: Readonly<Record<string, number>>): string =>
  Object.entries(outcomes)
    .filter(([outcome]) => outcome !== "right")
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(", ");

const head = [
  ...["system", "answers", "people", "turns/s", "first token p50", "p95 ms", "turn p95 ms"],
  ...parts.map((part) => `${partTitles[part]} ms`),
  ...["all ms/turn", "model cores", "clients cores", "others cores", "not right"],
];

function steadyCells(title: string, { workload, row }: NamedRow): string[] {
  const kind = `${workload.tokens} tokens${workload.hasTool ? ", a tool" : ""}`;
  return [
    ...[title, kind, String(row.people), String(row.turnsPerSecond)],
    ...[row.firstMs.p50, row.firstMs.p95, row.beyondMs.p95].map(String),
    ...parts.map((part) => String(row.cpuMs[part] ?? "–")),
    ...[row.totalMs, row.cores.model, row.cores.people, row.cores.others].map(String),
    wrongOutcomes(row.outcomes),
  ];
}

function saturationText({ people, mostTried }: Saturation): string {
  return people === undefined ? `not at ${mostTried}` : String(people);
}

function faultText({ kind, answers, right, outcomes, silenceMs }: FaultRow): string {
  const others = wrongOutcomes(outcomes);
  const silence = silenceMs === undefined ? "no token ever again" : `p50 ${silenceMs.p50} ms, p95 ${silenceMs.p95} ms`;
  return `${kind}: ${right} of ${answers} right${others === "" ? "" : ` (${others})`}; silence ${silence}`;
}

/** What people read. The unaligned rows below say what has no columns. */
export function tableOf(results: readonly ContenderResult[]): string[][] {
  const steady = results.flatMap(({ title, rows }) => rows.map((row) => steadyCells(title, row)));
  return steady.length === 0 ? [] : [head, ...steady];
}

/** More than this, and the run had not the machine to itself. The simulators, which nobody asks, take less. */
const quietCores = 0.2;

/** One sentence for each thing that is no row of the table. */
export function notesOf(results: readonly ContenderResult[]): string[] {
  const others = Math.max(0, ...results.flatMap(({ rows }) => rows.map(({ row }) => row.cores.others)));
  const caution = `Caution: other programs used up to ${others} cores meanwhile: the times are theirs too.`;
  return [...(others > quietCores ? [caution] : []), ...results.flatMap(notesOfOne)];
}

function notesOfOne({ title, saturation, faults, openTurnKb, rows }: ContenderResult): string[] {
  return [
    ...(saturation === undefined
      ? []
      : [`${title}: first token p95 passes 500 ms at ${saturationText(saturation)} people.`]),
    ...faults.map((fault) => `${title}: worker ${faultText(fault)}.`),
    ...(openTurnKb === undefined ? [] : [`${title}: ${openTurnKb} KB of the worker per open turn.`]),
    ...constantsOf(rows).map(
      ({ part, turnMs, tokenMicros, toolCallMs }) =>
        `${title}: ${partTitles[part]} ${turnMs} ms per turn, ${tokenMicros} µs per token, ${toolCallMs ?? "–"} ms per tool call.`,
    ),
  ];
}

export interface Constants {
  readonly part: Part;
  readonly turnMs: number;
  readonly tokenMicros: number;
  readonly toolCallMs: number | undefined;
}

/** What a turn, a token and a tool call cost each part, from rows that differ in one of them: the constants of the capacity model. */
export function constantsOf(rows: readonly NamedRow[]): Constants[] {
  const find = (name: NamedRow["part"], people?: number) =>
    rows.find(({ part, row }) => part === name && (people === undefined || row.people === people));
  const short = find("short");
  const long = find("people", short?.row.people);
  if (short === undefined || long === undefined) return [];
  const tool = find("tool");
  const withoutTool = find("people", tool?.row.people);
  return parts.map((part) => {
    const cost = (named: NamedRow): number => named.row.cpuMs[part] ?? 0;
    const token = Math.max(0, (cost(long) - cost(short)) / (long.workload.tokens - short.workload.tokens));
    return {
      part,
      turnMs: rounded(Math.max(0, cost(short) - short.workload.tokens * token)),
      tokenMicros: rounded(token * 1_000),
      toolCallMs:
        tool === undefined || withoutTool === undefined
          ? undefined
          : rounded(Math.max(0, cost(tool) - cost(withoutTool))),
    };
  });
}

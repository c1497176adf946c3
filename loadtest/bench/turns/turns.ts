import type { Bench, BenchContext } from "../bench.ts";
import { rounded } from "../measure/statistics.ts";
import { budgetsOf } from "./budgets.ts";
import { fastapi } from "../peers/fastapi.ts";
import { socketio } from "../peers/socketio.ts";
import { type FaultKind, type FaultRow, measureFault } from "./faults.ts";
import { parley } from "./parley.ts";
import { drawTurns } from "./plot.ts";
import { constantsOf, type ContenderResult, type NamedRow, notesOf, tableOf } from "./results.ts";
import { findSaturation, type Probe } from "./saturation.ts";
import { measureSteady, type SteadyRow } from "./steady.ts";
import type { Contender } from "./target.ts";
import { modelMs, usual, type Workload } from "./workload.ts";

const peers = { socketio, fastapi } as const;

const usualPeople = [50, 100, 200, 400, 600, 800, 1_000];
const quickPeople = [200];
/** A tool call costs more than all else of a turn: at 200 people nothing but a full machine would be seen. */
const toolPeople = 50;

const short: Workload = { ...usual, tokens: 4 };
const long: Workload = { ...usual, tokens: 600, cycleMs: 20_500 };
const withTool: Workload = { ...usual, hasTool: true };
/** Turns that last for as long as is looked at them. */
const open: Workload = { ...usual, tokens: 200, rate: 1 };
const openTurns = [100, 500] as const;

interface Run {
  readonly contender: Contender;
  readonly context: BenchContext;
}

async function steady({ contender, context }: Run, workload: Workload, people: number): Promise<SteadyRow> {
  const { workers, warmUpSeconds, profileDir, say } = context;
  // At least two cycles of each person, or turns that began before are too large a part of it.
  const seconds = Math.max(context.seconds, (2 * workload.cycleMs) / 1_000);
  const row = await measureSteady({ contender, workload, people, workers, seconds, warmUpSeconds, profileDir });
  const first = `first token p50 ${row.firstMs.p50}, p95 ${row.firstMs.p95} ms`;
  say(`${contender.title}, ${people} × ${workload.tokens} tokens: ${first}; ${row.totalMs} ms CPU per turn`);
  return row;
}

const partNames = ["people", "saturation", "short", "long", "tool", "killed", "frozen", "open"] as const;

/** `--only short,tool`: these alone. */
const isWanted = ({ only, isQuick, people }: BenchContext, part: (typeof partNames)[number]): boolean =>
  only === undefined ? part === "people" || !(isQuick || people !== undefined) : only.split(",").includes(part);

function checkParts({ only }: BenchContext): void {
  const unknown = only?.split(",").filter((name) => !partNames.some((part) => part === name)) ?? [];
  if (unknown.length > 0) throw new Error(`There is no part ${unknown.join(", ")}: ${partNames.join(", ")}.`);
}

async function peopleRows(run: Run): Promise<Pick<ContenderResult, "rows" | "saturation">> {
  const { context } = run;
  if (!isWanted(context, "people")) return { rows: [], saturation: undefined };
  const rows: NamedRow[] = [];
  const measure = async (people: number): Promise<Probe> => {
    const row = await steady(run, usual, people);
    rows.push({ part: "people", workload: usual, row });
    return { people, firstP95Ms: row.firstMs.p95 };
  };
  const probes: Probe[] = [];
  for (const people of context.people ?? (context.isQuick ? quickPeople : usualPeople))
    probes.push(await measure(people));
  const isSearched = isWanted(context, "saturation");
  return { rows, saturation: isSearched ? await findSaturation(probes, measure) : undefined };
}

async function otherRows(run: Run): Promise<NamedRow[]> {
  const { context, contender } = run;
  const rows: NamedRow[] = [];
  const wanted = [
    { part: "short", workload: short, people: 200 },
    { part: "long", workload: long, people: 200 },
    ...(contender.hasTools ? [{ part: "tool", workload: withTool, people: toolPeople } as const] : []),
  ] as const;
  for (const { part, workload, people } of wanted) {
    if (isWanted(context, part)) rows.push({ part, workload, row: await steady(run, workload, people) });
  }
  return rows;
}

async function faultRows({ contender, context }: Run): Promise<FaultRow[]> {
  const rows: FaultRow[] = [];
  for (const kind of ["killed", "frozen"] as const satisfies readonly FaultKind[]) {
    if (!isWanted(context, kind)) continue;
    const row = await measureFault(contender, kind);
    context.say(`${contender.title}, ${kind}: ${row.right} of ${row.answers} right`);
    rows.push(row);
  }
  return rows;
}

/**
 * Memory of a worker per turn that is open, from two numbers of them: what it has anyway drops out. Undefined when it took
 * too few of them to see a difference.
 */
async function openTurnKb(run: Run): Promise<number | undefined> {
  const { context, contender } = run;
  if (!isWanted(context, "open") || contender !== parley) return undefined;
  const [few, many] = openTurns;
  const less = await steady(run, open, few);
  const more = await steady(run, open, many);
  const added = more.openAnswers - less.openAnswers;
  context.say(`${contender.title}: ${less.openAnswers} and ${more.openAnswers} turns open at once`);
  if (added < (many - few) / 2) return undefined;
  return rounded(((more.workerGrewMb - less.workerGrewMb) * 1_024) / added);
}

async function measureContender(run: Run): Promise<ContenderResult> {
  const { name, title } = run.contender;
  const { rows, saturation } = await peopleRows(run);
  const others = await otherRows(run);
  const faults = await faultRows(run);
  return { name, title, rows: [...rows, ...others], saturation, faults, openTurnKb: await openTurnKb(run) };
}

/** Those that can be had here; of the others it is said why not. */
async function contendersOf({ peers: names, say }: BenchContext): Promise<{ there: Contender[]; absent: string[] }> {
  const there: Contender[] = [];
  const absent: string[] = [];
  for (const name of names) {
    if (name !== "socketio" && name !== "fastapi") throw new Error(`There is no peer ${name}: socketio, fastapi.`);
    const problem = await peers[name].prepare(say);
    if (problem === undefined) there.push(peers[name]);
    else absent.push(problem);
  }
  for (const problem of absent) say(problem);
  return { there: [parley, ...there], absent };
}

/** Whole durable turns as people have them, and the same of systems that promise less. */
export const turns: Bench = {
  name: "turns",
  about: "whole turns of many people: waiting, CPU by process, saturation, a lost worker; [--peers socketio,fastapi]",
  takesSeconds: 900,
  seconds: 15,
  async run(context) {
    checkParts(context);
    const { seconds, warmUpSeconds } = context;
    const { there, absent } = await contendersOf(context);
    const results: ContenderResult[] = [];
    for (const contender of there) results.push(await measureContender({ contender, context }));
    const workloads = { usual, short, long, withTool, open, modelMs: modelMs(usual) };
    const constants = results.map(({ name, rows }) => ({ name, constants: constantsOf(rows) }));
    return {
      figures: { ...{ workers: context.workers, seconds, warmUpSeconds }, workloads, results, constants, absent },
      table: tableOf(results),
      notes: [...notesOf(results), ...absent],
      budgets: budgetsOf(results),
      plot: (caption) => drawTurns(results, caption),
    };
  },
};

import { parseArgs } from "node:util";
import { agent } from "./agent/agent.ts";
import { isKept, type Bench, type BenchContext, type BenchResult } from "./bench.ts";
import { cluster } from "./cluster/cluster.ts";
import { connections } from "./connections/connections.ts";
import { fair } from "./fair/fair.ts";
import { log } from "./log/log.ts";
import { drawFlameGraph } from "./measure/flame-graph.ts";
import { writeResult } from "./measure/result-file.ts";
import { rounded } from "./measure/statistics.ts";
import { tableLines } from "./measure/table.ts";
import { micro } from "./micro/micro.ts";
import { readers } from "./readers/readers.ts";
import { edgeCpu } from "./relay/edge-cpu.ts";
import { relay } from "./relay/relay.ts";
import { resume } from "./resume/resume.ts";
import { toolFair } from "./tool-fair/tool-fair.ts";
import { storm } from "./tokens/token-storm.ts";
import { tokens } from "./tokens/tokens.ts";
import { ttft } from "./ttft/ttft.ts";
import { writeReadmeTable } from "./turns/readme-table.ts";
import { turns } from "./turns/turns.ts";
import { waits } from "./waits/waits.ts";

const benches: readonly Bench[] = [
  turns,
  relay,
  connections,
  resume,
  agent,
  ttft,
  edgeCpu,
  readers,
  cluster,
  log,
  waits,
  fair,
  toolFair,
  tokens,
  storm,
  micro,
];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function list(): void {
  say(
    "npm run bench -- <name> [--rounds 3] [--seconds 10] [--only <part>] [--profile <folder>] [--update] [--label <word>]",
  );
  say("npm run bench -- table <result of turns>: puts it into README.md");
  say("npm run bench -- flame <.cpuprofile of --profile> <.svg> <title>: draws it");
  say("npm run bench -- turns [--quick] [--people 200,400] [--peers socketio,fastapi] [--workers 1] [--warm-up 20]");
  say("npm run bench -- log [--only cold|size] [--conversations 1000000]");
  say("");
  const rows = benches.map(({ name, about, takesSeconds }) => [name, `${takesSeconds} s`, about]);
  for (const line of tableLines([...rows, ["all", "", "all of these, one after the other"]])) say(line);
}

function sayResult({ table, budgets, notes = [] }: BenchResult): void {
  say("");
  for (const line of tableLines(table)) say(line);
  if (notes.length > 0) say("");
  for (const note of notes) say(`  ${note}`);
  if (budgets.length > 0) say("");
  for (const budget of budgets) {
    const { what, value, is, limit } = budget;
    say(`  ${isKept(budget) ? "within budget" : "OVER BUDGET  "}  ${what}: ${rounded(value)} (${is} ${limit})`);
  }
}

interface Asked {
  readonly args: readonly string[];
  readonly label: string | undefined;
}

async function runOne(bench: Bench, context: BenchContext, { args, label }: Asked): Promise<boolean> {
  say("");
  say(`== ${bench.name}: ${bench.about} (about ${bench.takesSeconds} s)`);
  const result = await bench.run(context);
  sayResult(result);
  say(`  written to ${writeResult(bench.name, result, { args, label, isKept: !context.isQuick })}`);
  return bench.isGate !== true || result.budgets.every(isKept);
}

/**
 * Until engines have compiled what they run. After 5 s of 80 turns a second up to a third of what a process took was V8's compilers, and code that they
 * had not come to (docs/performance.md): `--warm-up 5` shows what processes cost that have just been started.
 */
const usualWarmUpSeconds = 20;

function positive(text: string | undefined, fallback: number): number {
  const value = Number(text ?? fallback);
  if (!Number.isFinite(value) || value <= 0)
    throw new Error("--rounds, --seconds, --warm-up, --people, --conversations and --workers must be numbers above 0.");
  return value;
}

function listOf(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(",").filter((word) => word !== "");
}

const options = {
  rounds: { type: "string" },
  seconds: { type: "string" },
  "warm-up": { type: "string" },
  only: { type: "string" },
  profile: { type: "string" },
  people: { type: "string" },
  conversations: { type: "string" },
  peers: { type: "string" },
  workers: { type: "string" },
  label: { type: "string" },
  quick: { type: "boolean", default: false },
  update: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options });
}

function contextOf(values: Values, bench: Bench): BenchContext {
  const people = listOf(values.people).map((text) => Math.ceil(positive(text, 1)));
  return {
    rounds: Math.ceil(positive(values.rounds, 3)),
    seconds: positive(values.seconds, bench.seconds ?? 10),
    warmUpSeconds: positive(values["warm-up"], usualWarmUpSeconds),
    only: values.only,
    profileDir: values.profile,
    isUpdate: values.update,
    people: people.length === 0 ? undefined : people,
    conversations: values.conversations === undefined ? undefined : Math.ceil(positive(values.conversations, 1)),
    peers: listOf(values.peers),
    workers: Math.ceil(positive(values.workers, 1)),
    isQuick: values.quick,
    say: (line) => say(`  ${line}`),
  };
}

function drawFlame([profile = "", svg, title = "Processor time"]: readonly string[]): void {
  drawFlameGraph(profile, svg ?? `${profile}.svg`, title);
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const [first, result] = positionals;
  if (first === undefined || values.help) return (list(), 0);
  if (first === "table" && result !== undefined) return (writeReadmeTable(result), 0);
  if (first === "flame" && result !== undefined) return (drawFlame(positionals.slice(1)), 0);
  const chosen = positionals.includes("all") ? benches : benches.filter(({ name }) => positionals.includes(name));
  const known = new Set([...benches.map(({ name }) => name), "all"]);
  const unknown = positionals.filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Error(`There is no benchmark ${unknown.join(", ")}: ${[...known].join(", ")}.`);
  const asked = { args: args.filter((arg) => !known.has(arg)), label: values.label };
  let isWell = true;
  for (const bench of chosen) isWell = (await runOne(bench, contextOf(values, bench), asked)) && isWell;
  return isWell ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exit(
  await main(process.argv.slice(2)).catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }),
);

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

const repository = path.resolve(import.meta.dirname, "../../..");
const comparedPeople = 200;

const Spread = z.object({ p50: z.number(), p95: z.number() });
const Cost = z.number().optional();
const Row = z.object({
  people: z.number(),
  firstMs: Spread,
  beyondMs: Spread,
  cpuMs: z.object({ worker: Cost, broker: Cost, edge: Cost, redis: Cost }),
  totalMs: z.number(),
});
const Fault = z.object({ kind: z.string(), right: z.number(), answers: z.number(), silenceMs: Spread.optional() });
type Fault = z.infer<typeof Fault>;
const Saturation = z.object({ people: z.number().optional(), mostTried: z.number() });
const Contender = z.object({
  title: z.string(),
  rows: z.array(z.object({ part: z.string(), row: Row })),
  saturation: Saturation.optional(),
  faults: z.array(Fault),
});

/** What a result of `turns` looks like in its file, as far as the table shows it. */
export const TurnsResult = z.object({
  name: z.literal("turns"),
  date: z.string(),
  command: z.string(),
  machine: z.object({ commit: z.string(), processors: z.number(), processor: z.string() }),
  figures: z.object({ results: z.array(Contender), absent: z.array(z.string()) }),
});
export type TurnsResult = z.infer<typeof TurnsResult>;

const head = [
  ...["", "first token p50, p95", "turn p95", "CPU per turn: worker, broker, edge", "all"],
  ...["first token late (p95 > 500 ms) at", "worker killed", "worker frozen"],
];

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function faultText(faults: readonly Fault[], wanted: string): string {
  const fault = faults.find(({ kind }) => kind === wanted);
  if (fault === undefined) return "–";
  const { right, answers, silenceMs } = fault;
  const next = silenceMs === undefined ? "nothing more came" : `next token p95 ${(silenceMs.p95 / 1_000).toFixed(1)} s`;
  return `${right} of ${answers} right; ${next}`;
}

function saturationText(saturation: z.infer<typeof Saturation> | undefined): string {
  if (saturation === undefined) return "–";
  return saturation.people === undefined ? `not at ${saturation.mostTried} people` : `${saturation.people} people`;
}

function cellsOf({ title, rows, saturation, faults }: z.infer<typeof Contender>): string[] {
  const row = rows.find((named) => named.part === "people" && named.row.people === comparedPeople)?.row;
  if (row === undefined) throw new Error(`${title} was not measured with ${comparedPeople} people.`);
  const { worker = 0, broker = 0, redis = 0, edge } = row.cpuMs;
  // What carries messages: NATS and, where there are tools or a queue in it, Redis.
  const carrying = Number((broker + redis).toPrecision(3));
  return [
    ...[title, `${row.firstMs.p50}, ${row.firstMs.p95} ms`, `${row.beyondMs.p95} ms`],
    ...[`${[worker, carrying, edge ?? "–"].join(", ")} ms`, `${row.totalMs} ms`],
    ...[saturationText(saturation), faultText(faults, "killed"), faultText(faults, "frozen")],
  ];
}

/** What people read of a result, with the command that made it. */
export function turnsTable({ date, command, machine, figures }: TurnsResult): string {
  const { processors, processor, commit } = machine;
  const workload = `${comparedPeople} people who ask every 2.5 s for 60 tokens at 30/s; times beyond the model's own`;
  return [
    `${workload}; ${processors} cores (${processor}) for everything, the load generator too. \`${command}\`, ${date.slice(0, 10)}, revision ${commit}.`,
    "",
    line(head),
    `|${head.map(() => "---").join("|")}|`,
    ...figures.results.map((result) => line(cellsOf(result))),
    ...figures.absent.map((sentence) => `\n${sentence}`),
  ].join("\n");
}

/** Instead of a file, where there is no result yet. */
export const none = "none";
export const notMeasured =
  "Not measured at this revision yet: `npm run bench -- turns --peers socketio,fastapi`, then\n`npm run bench -- table <its result>`.";
const begin = /<!-- turns: (\S+) -->/;
const end = "<!-- end of turns -->";

interface Table {
  /** The result, as a path in the repository. */
  readonly file: string;
  readonly text: string;
}

/** The table that a page shows. Throws when it has no place for one. */
export function readTable(page: string): Table {
  const [mark, file] = begin.exec(page) ?? [];
  const endAt = page.indexOf(end);
  if (mark === undefined || file === undefined || endAt < 0) throw new Error("The page has no place for a table.");
  return { file, text: page.slice(page.indexOf(mark) + mark.length, endAt).trim() };
}

/** The page with another table in its place. */
export function withTable(page: string, { file, text }: Table): string {
  const known = readTable(page);
  const before = page.slice(0, page.indexOf(`<!-- turns: ${known.file} -->`));
  return `${before}<!-- turns: ${file} -->\n\n${text}\n\n${page.slice(page.indexOf(end))}`;
}

export function readTurnsResult(file: string): TurnsResult {
  return TurnsResult.parse(JSON.parse(readFileSync(path.join(repository, file), "utf8")));
}

/** Puts a result into README.md. */
export function writeReadmeTable(given: string): void {
  const file = path.relative(repository, path.resolve(given)).replaceAll(path.sep, "/");
  const page = path.join(repository, "README.md");
  writeFileSync(page, withTable(readFileSync(page, "utf8"), { file, text: turnsTable(readTurnsResult(file)) }));
}

import type { Verdict } from "../verdict.ts";
import type { ProcessFigures } from "./process-figures.ts";
import type { Summary, TimeFigures } from "./summary.ts";

export type Row = readonly string[];

export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

const timeTexts: Readonly<Record<string, string>> = {
  connect: "connection open",
  auth: "connected and authenticated",
  accepted: "message accepted",
  first_token: "first token, as seen",
  first_token_share: "first token, Parley's share",
  token_gap: "between tokens, as seen",
  token_gap_share: "between tokens, Parley's share",
  turn: "turn, as seen",
  turn_share: "turn, Parley's share",
  delivery: "a token from the worker to the viewer",
  tool_wait: "tool call, Parley's share",
  resume: "from the loss of the edge to caught up",
  said_seen: "from sending a message to each who sees it",
  generator_lag: "generator's own delay (self-check)",
};

/** All tables of a result; the report, the page and the terminal show the same ones. */
export function tablesOf(summary: Summary): Table[] {
  const { counts, errors, brokers, edges, processes, timesMs, verdicts } = summary;
  return [
    { title: "What had to hold", rows: [["", "", "measured"], ...verdicts.map(verdictRow)] },
    { title: "Times (ms)", rows: [["", "count", "p50", "p90", "p95", "p99", "p99.9", "max"], ...timeRows(timesMs)] },
    { title: "Cost of Parley by process", rows: [processHead, ...rowsOfCosts(processes, false)] },
    {
      title: "Cost of making the load, which is none of Parley's",
      rows: [processHead, ...rowsOfCosts(processes, true)],
    },
    { title: "Counted by the clients", rows: countRows({ ...counts, "most sockets at once": summary.mostSockets }) },
    { title: "Errors", rows: countRows(errors) },
    { title: "Brokers", rows: countRows(brokers) },
    { title: "The edges' own figures", rows: countRows(edges) },
  ].filter(({ rows }) => rows.length > 1);
}

function verdictRow({ what, says, isGood }: Verdict): Row {
  return [isGood ? "ok" : "FAILED", what, says];
}

function timeRows(timesMs: Summary["timesMs"]): Row[] {
  const order = Object.keys(timeTexts);
  return Object.entries(timesMs)
    .toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    .map(([name, figures]) => [timeTexts[name] ?? name, ...timeCells(figures)]);
}

function timeCells({ count, p50, p90, p95, p99, p999, max }: TimeFigures): string[] {
  return [String(count), ...[p50, p90, p95, p99, p999, max].map((value) => value.toFixed(value < 10 ? 1 : 0))];
}

const processHead: Row = [
  ...["", "CPU s", "of one core", "CPU s per 1M tokens", "CPU s per 1,000 turns"],
  ...["MB at the start", "MB at the end", "most MB", "of it kept"],
];

function processRow(figures: ProcessFigures): Row {
  const { name, cpuSeconds, cpuShare, cpuSecondsPerMillionTokens, cpuSecondsPerThousandTurns } = figures;
  return [
    ...[name, cpuSeconds.toFixed(1), `${Math.round(cpuShare * 100)} %`],
    ...[cpuSecondsPerMillionTokens?.toFixed(1) ?? "–", cpuSecondsPerThousandTurns?.toFixed(1) ?? "–"],
    ...[figures.rssStartMb, figures.rssEndMb, figures.rssMaxMb].map((value) => value.toFixed(0)),
    figures.liveEndMb?.toFixed(0) ?? "–",
  ];
}

/** Those of one kind, and their sum. */
function rowsOfCosts(processes: readonly ProcessFigures[], isLoad: boolean): Row[] {
  const shown = processes.filter((figures) => figures.isLoad === isLoad);
  const sum = (read: (figures: ProcessFigures) => number | undefined): number =>
    shown.reduce((total, figures) => total + (read(figures) ?? 0), 0);
  const all: Row = [
    ...["all of these", sum(({ cpuSeconds }) => cpuSeconds).toFixed(1)],
    `${Math.round(sum(({ cpuShare }) => cpuShare) * 100)} %`,
    sum(({ cpuSecondsPerMillionTokens }) => cpuSecondsPerMillionTokens).toFixed(1),
    sum(({ cpuSecondsPerThousandTurns }) => cpuSecondsPerThousandTurns).toFixed(1),
  ];
  return shown.length === 0 ? [] : [...shown.map(processRow), all];
}

function countRows(counts: Readonly<Record<string, number>>): Row[] {
  const rows = Object.entries(counts).filter(([, value]) => value !== 0);
  const zero = Object.entries(counts)
    .filter(([, value]) => value === 0)
    .map(([name]) => name.replaceAll("_", " "));
  return [
    ["", ""],
    ...rows.map(([name, value]) => [name.replaceAll("_", " "), String(value)]),
    ...(zero.length === 0 ? [] : [[`0 of: ${zero.join(", ")}`, ""]]),
  ];
}

/** Above this the generator's own delays are no longer small beside what it measures. */
const lateGeneratorMs = 100;
/** Of one core. More than this, and the run had not the machine to itself. */
const quietCores = 0.2;

function cautions({ timesMs, coresOfOthers = 0, machine }: Summary): string[] {
  const p99 = timesMs["generator_lag"]?.p99 ?? 0;
  const busy = `Caution: other programs on this machine used ${coresOfOthers} of its ${machine.cores} cores meanwhile: the times are theirs too.`;
  const others = coresOfOthers > quietCores ? [busy] : [];
  if (p99 <= lateGeneratorMs) return others;
  return [
    ...others,
    `Caution: the generator itself was late by up to ${p99.toFixed(0)} ms (p99): the times say more about it than about Parley.`,
  ];
}

/** Who had the processors: the times contain the waiting for each other, the costs do not. */
function sharingLine({ processes, machine }: Summary): string {
  const coresOf = (isLoad: boolean): string =>
    processes
      .filter((figures) => figures.isLoad === isLoad)
      .reduce((sum, { cpuShare }) => sum + cpuShare, 0)
      .toFixed(2);
  return `Of ${machine.cores} cores Parley and its brokers took ${coresOf(false)}, and the load (k6, the driver and the model, none of it Parley's) ${coresOf(true)}: times contain their waiting for each other.`;
}

export function headLines(summary: Summary): string[] {
  const { machine, command, startedAt, durationS, options, passed } = summary;
  return [
    `${passed ? "Passed" : "FAILED"}. \`${command}\`, ${startedAt}, ${durationS} s.`,
    `Users ${options.users}, edges ${options.edges}, agent workers ${options.agents}; answers of ${options.tokens} tokens at ${options.rate}/s.`,
    `Commit ${machine.commit}; ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.system}; Node ${machine.node}, k6 ${machine.k6}, NATS ${machine.nats}, Redis ${machine.redis}.`,
    sharingLine(summary),
    ...cautions(summary),
  ];
}

export function markdownOf(summary: Summary, plotFiles: readonly string[]): string {
  const tables = tablesOf(summary).map(({ title, rows }) => `## ${title}\n\n${markdownTable(rows)}`);
  const plots = plotFiles.map((file) => `![${file.replace(".svg", "")}](${file})`);
  return `${[`# ${summary.title}`, ...headLines(summary), ...tables, "## Over time", ...plots].join("\n\n")}\n`;
}

function markdownTable([head = [], ...rows]: readonly Row[]): string {
  const line = (cells: Row): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

/** A row that is one remark makes no column wider. */
function isFilled(row: Row): boolean {
  return row.length < 2 || row[1] !== "" || row[0] === "";
}

/** The same tables for a terminal. */
export function terminalLines(summary: Summary): string[] {
  return tablesOf(summary).flatMap(({ title, rows }) => {
    const columns = rows[0]?.length ?? 0;
    const widths = Array.from({ length: columns }, (_, column) =>
      Math.max(...rows.filter(isFilled).map((row) => row[column]?.length ?? 0)),
    );
    const lines = rows.map((row) =>
      `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
    );
    return ["", title, ...lines.filter((line) => line !== "")];
  });
}

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** A line of the table at the end. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

/** How an evaluation is seen. Only `json` and `picture` write files. */
export interface Report {
  /** A line, at once. */
  say(line?: string): void;
  /** Rows of equal length, with aligned columns. */
  table(rows: readonly (readonly (string | number)[])[]): void;
  /** How far it is: shown in place on a terminal, elsewhere at most every ten seconds. */
  progress(done: number, total: number): void;
  /** For the table at the end. Numbers are shown with three digits. */
  figure(name: string, value: number | string, note?: string): void;
  /** Keeps `<name of the evaluation>[-<part>].json`. Two runs over the same are to be the same text: no times in it. */
  json(value: unknown, part?: string): void;
  /** Keeps `<name of the evaluation>[-<part>].svg`. */
  picture(svg: string, part?: string): void;
  /**
   * Keeps `<name of the evaluation>[-<part>].md`. A document has a copy of it between `<!-- begin: evals/results/<file> -->` and `<!-- end -->`:
   * `--write` puts it there, and a test compares them (test/docs/evaluation.test.ts).
   */
  page(markdown: string, part?: string): void;
  /** What must not be: the command ends with 1. */
  fail(sentence: string): void;
}

export interface Reported {
  readonly figures: readonly Figure[];
  readonly failures: readonly string[];
}

export interface ReportTo {
  readonly evaluation: string;
  /** Where files go. */
  readonly folder: string;
  readonly out: Pick<NodeJS.WriteStream, "write" | "isTTY">;
}

const progressEveryMs = 10_000;

export function createReport({ evaluation, folder, out }: ReportTo): { report: Report; reported: Reported } {
  const figures: Figure[] = [];
  const failures: string[] = [];
  const { progress, clear } = createProgress(out);
  const say = (line = ""): void => {
    clear();
    out.write(`${line}\n`);
  };
  const keep = (part: string | undefined, ending: string, text: string): void => {
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `${evaluation}${part === undefined ? "" : `-${part}`}.${ending}`);
    writeFileSync(file, text);
    say(`  written: ${path.relative(process.cwd(), file)}`);
  };
  const report: Report = {
    say,
    progress,
    table: (rows) => tableLines(rows).forEach(say),
    figure: (name, value, note = "") =>
      void figures.push({ name, value: typeof value === "number" ? shown(value) : value, note }),
    json: (value, part) => keep(part, "json", `${JSON.stringify(value, undefined, 2)}\n`),
    picture: (svg, part) => keep(part, "svg", svg),
    page: (markdown, part) => keep(part, "md", `${markdown}\n`),
    fail(sentence) {
      failures.push(sentence);
      say(`  FAILED: ${sentence}`);
    },
  };
  return { report, reported: { figures, failures } };
}

function createProgress(out: ReportTo["out"]): { progress: Report["progress"]; clear: () => void } {
  let isShown = false;
  let saidAt = performance.now();
  const clear = (): void => {
    if (isShown) out.write("\r\u001B[K");
    isShown = false;
  };
  const progress = (done: number, total: number): void => {
    const text = `  ${done} of ${total}`;
    if (out.isTTY) {
      out.write(`\r${text}`);
      isShown = true;
    } else if (performance.now() - saidAt >= progressEveryMs) {
      saidAt = performance.now();
      out.write(`${text}\n`);
    }
  };
  return { progress, clear };
}

/** Whole numbers are counts. */
export function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}

export function tableLines(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => String(cell).padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
  );
}

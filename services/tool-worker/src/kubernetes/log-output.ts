import type { ToolOutput } from "../tools/tool.ts";
import { fitLogLines } from "./log-lines.ts";
import type { JoinedLine } from "./log-repeats.ts";
import type { LogSource, LogSources } from "./log-sources.ts";
import { foreignText } from "./shape.ts";

/** What the model reads of it, whatever it asks for; people have the whole. */
const BRIEF_BYTES = 11 * 1024;
/** Of the text that was looked for, in the summary. */
const MAX_FILTER_CHARS = 80;

/** What was asked for, as far as it is told. */
export interface LogInput {
  readonly previous: boolean;
  readonly tail: number;
  readonly grep?: string | undefined;
  readonly exclude?: string | undefined;
  readonly contextLines: number;
  readonly maxBytes: number;
}

/** One log as it is shown: searched, and what repeats joined. */
export interface ShownLog {
  readonly source: LogSource;
  readonly lines: readonly JoinedLine[];
  /** How many were found, of which `lines` may be the last. */
  readonly found: number;
  readonly notes: readonly string[];
  readonly asText: readonly string[];
}

interface About {
  readonly found: LogSources;
  readonly place: string;
}

/** Logs with what was looked at and what is missing, for people and for the model. */
export function logsOutput(logs: readonly ShownLog[], input: LogInput, about: About): ToolOutput {
  const whole = renderWithin(logs, input, { ...about, maxBytes: input.maxBytes });
  const brief = renderWithin(logs, input, { ...about, maxBytes: Math.min(BRIEF_BYTES, input.maxBytes) });
  return {
    text: [whole.summary, ...whole.lines].join("\n"),
    brief: [brief.summary, foreignText(brief.lines.join("\n"))].filter(Boolean).join("\n"),
    truncated: brief.isCut,
  };
}

interface Rendered {
  readonly summary: string;
  readonly lines: readonly string[];
  readonly isCut: boolean;
}

function renderWithin(logs: readonly ShownLog[], input: LogInput, about: About & { maxBytes: number }): Rendered {
  const eachBytes = Math.floor(about.maxBytes / Math.max(1, logs.length));
  const [first, ...others] = logs.map((log) => ({ ...log, ...renderLog(log, input, eachBytes) }));
  if (first === undefined) return { summary: "No log was read.", lines: [], isCut: false };
  return others.length === 0 ? oneLog(first, input, about) : severalLogs([first, ...others], input, about);
}

type FullLog = Pick<ShownLog, "source" | "asText"> & RenderedLog;

function oneLog({ source, asText, count, notes, lines, isCut }: FullLog, input: LogInput, { place }: About): Rendered {
  const counts = `${count}${filterWords(input, asText)} of ${whichLog(input)} of ${source.pod} ${place}`;
  return { summary: sentence([counts, ...notes]), lines, isCut };
}

function severalLogs(logs: readonly FullLog[], input: LogInput, { found, place }: About): Rendered {
  const isPart = logs.length < found.total;
  const more = isPart ? `, the first of them not well or youngest: shown ${logs.length} of ${found.total}` : "";
  const heading = `${capital(whichLog(input))}s of ${logs.length} pods of ${found.what} ${place}${more}`;
  return {
    summary: `${heading}${filterWords(input, logs[0]?.asText ?? [])}.`,
    lines: logs.flatMap(({ source: { pod, container }, count, notes, lines }) => {
      const name = container === undefined ? pod : `${pod} (${container})`;
      return [`== ${name}: ${sentence([count, ...notes])}`, ...lines];
    }),
    isCut: isPart || logs.some(({ isCut }) => isCut),
  };
}

interface RenderedLog {
  readonly count: string;
  readonly notes: readonly string[];
  readonly lines: readonly string[];
  readonly isCut: boolean;
}

function renderLog(
  { lines, found, notes }: ShownLog,
  { grep, contextLines, tail }: LogInput,
  maxBytes: number,
): RenderedLog {
  const { lines: shown, cut } = fitLogLines(
    lines.map(({ text }) => text),
    maxBytes,
  );
  const isAll = shown.length === lines.length;
  const standFor = lines.slice(lines.length - shown.length).reduce((sum, line) => sum + line.lines, 0);
  // What stands around a match is not counted, so of what does not fit no number can be told.
  const hasContext = grep !== undefined && contextLines > 0;
  const last = hasContext ? Math.min(found, tail) : standFor;
  const all = [
    ...notes,
    ...(hasContext && !isAll ? ["of these and what is around them only the last lines are shown"] : []),
    ...(cut === 0 ? [] : [`of ${plural(cut)} only the beginning is shown`]),
  ];
  return {
    count: last < found ? `The last ${last} of ${plural(found)}` : plural(found),
    notes: all,
    lines: shown,
    isCut: last < found || all.length > 0,
  };
}

function whichLog({ previous }: LogInput): string {
  return previous ? "the previous container's log" : "the log";
}

/** What the model asked for, quoted: a pattern may come from a log. */
function filterWords({ grep, exclude }: LogInput, asText: readonly string[]): string {
  const word = (pattern: string): string => {
    const isText = asText.includes(pattern) ? " (as it is written: it is not a pattern)" : "";
    return `${JSON.stringify(pattern.slice(0, MAX_FILTER_CHARS).toWellFormed())}${isText}`;
  };
  return `${grep === undefined ? "" : ` with ${word(grep)}`}${exclude === undefined ? "" : ` without ${word(exclude)}`}`;
}

function sentence(parts: readonly string[]): string {
  return `${parts.join("; ")}.`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

export function plural(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}

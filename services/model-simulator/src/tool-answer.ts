import { carAnswer, isCarTool } from "./car-questions.ts";
import { findFacts } from "./facts.ts";
import type { ResultTable } from "./result-table.ts";
import { readToolResult, type ToolResult } from "./tool-result.ts";
import type { ToolOutcome } from "./turn.ts";

const MAX_ROWS = 20;
const MAX_PROBLEMS = 10;
const MAX_LOG_LINES = 8;
/** Tools about one object; the events in its description are not the answer. */
const DESCRIBES_ONE = /describe|get_resource/;
const MAX_QUOTE = 600;
/** A pod that restarted this often did not do so by chance. */
const MANY_RESTARTS = 3;
const HEALTHY = /^(running|completed|succeeded|active|ready|bound|normal|available|healthy|true|clusterip|)$/i;
const TROUBLE =
  /\b(error|fatal|exception|panic|traceback|refused|denied|oom|killed|exit(?:ed)?(?: with)? code)\b|\bnot set\b/i;

/** An answer made only of what the tools returned; a failed tool is said to have failed, and why. */
export function answerFromTools(outcomes: readonly ToolOutcome[]): string {
  const last = outcomes.at(-1);
  if (last !== undefined && isCarTool(last.toolName)) {
    const { text, failure } = readToolResult(last.content);
    return carAnswer(text, failure);
  }
  return outcomes.map((outcome) => answerFromTool(outcome.toolName, readToolResult(outcome.content))).join("\n\n");
}

function answerFromTool(toolName: string, result: ToolResult): string {
  if (result.failure !== undefined) return `\`${toolName}\` failed: ${result.failure}`;
  if (result.table !== undefined && !DESCRIBES_ONE.test(toolName))
    return describeTable(subjectOf(toolName), result.table);
  if (/log/.test(toolName)) return describeLog(result.text);
  const facts = findFacts(result.value ?? result.text);
  if (facts.length > 0) return [titleOf(toolName, result), ...facts.map((fact) => `- ${fact}`)].join("\n");
  return `\`${toolName}\` returned: ${result.summary ?? quote(result.text)}`;
}

/** The first line of a description, when it says what is described. */
function titleOf(toolName: string, { summary, text }: ToolResult): string {
  const [first = ""] = text.split("\n");
  return summary ?? (/^[^:{<]{3,160}$/.test(first) ? `${first}:` : `\`${toolName}\` says:`);
}

function subjectOf(toolName: string): string {
  return /(pod|namespace|node|event|deployment|service)s?/.exec(toolName)?.[1] ?? "entry";
}

function describeTable(subject: string, rows: ResultTable): string {
  const problems = rows.filter((row) => problemOf(row) !== "");
  const lines = [`**${counted(rows.length, subject)}**${spread(rows)}.`];
  if (problems.length > 0) {
    lines.push(
      "",
      "Needs attention:",
      ...problems.slice(0, MAX_PROBLEMS).map((row) => `- ${nameOf(row)}: ${problemOf(row)}`),
    );
    if (problems.length > MAX_PROBLEMS) lines.push(`- and ${problems.length - MAX_PROBLEMS} more`);
  } else if (rows.some((row) => statusOf(row) !== "")) {
    lines.push("", "Nothing looks unhealthy.");
  }
  return [...lines, "", ...markdownTable(rows)].join("\n");
}

function counted(count: number, subject: string): string {
  const plural = subject === "entry" ? "entries" : `${subject}s`;
  return `${count} ${count === 1 ? subject : plural}`;
}

function spread(rows: ResultTable): string {
  const namespaces = new Set(rows.map((row) => row["namespace"] ?? "").filter(Boolean));
  const counts = new Map<string, number>();
  for (const status of rows.map(statusOf).filter(Boolean)) counts.set(status, (counts.get(status) ?? 0) + 1);
  const places = namespaces.size > 1 ? ` in ${namespaces.size} namespaces` : "";
  const states = [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
  return places + (states === "" ? "" : `: ${states}`);
}

function statusOf(row: ResultTable[number]): string {
  return row["status"] || row["phase"] || row["type"] || "";
}

function nameOf(row: ResultTable[number]): string {
  const name = row["name"] || row["object"] || "?";
  return row["namespace"] ? `\`${row["namespace"]}/${name}\`` : `\`${name}\``;
}

/** Why a row looks unhealthy; empty when it does not. */
function problemOf(row: ResultTable[number]): string {
  const status = statusOf(row);
  const [, ready, wanted] = /^(\d+)\/(\d+)/.exec(row["ready"] ?? "") ?? [];
  const restarts = Number.parseInt(row["restarts"] ?? "0", 10);
  const done = /^(completed|succeeded)$/i.test(status);
  return [
    HEALTHY.test(status) ? "" : [status, row["reason"]].filter(Boolean).join(" "),
    ready !== undefined && Number(ready) < Number(wanted) && !done ? `${ready} of ${wanted} ready` : "",
    restarts >= MANY_RESTARTS ? `${restarts} restarts` : "",
    HEALTHY.test(status) ? "" : (row["message"] ?? ""),
  ]
    .filter(Boolean)
    .join(", ");
}

function markdownTable(rows: ResultTable): string[] {
  const columns = Object.keys(rows[0] ?? {}).slice(0, 6);
  const body = rows.slice(0, MAX_ROWS).map((row) => `| ${columns.map((column) => cell(row[column])).join(" | ")} |`);
  const more = rows.length > MAX_ROWS ? ["", `${rows.length - MAX_ROWS} more are not shown.`] : [];
  return [`| ${columns.join(" | ")} |`, `|${columns.map(() => "---").join("|")}|`, ...body, ...more];
}

function cell(value: string | undefined): string {
  return (value ?? "").replaceAll("|", "\\|").replaceAll("\n", " ").slice(0, 120);
}

/** Tools may say first how many lines of what they show. */
const LOG_SUMMARY = /^(\d+ lines?|The last \d+ of \d+ lines?)\b.*\.$/;

function describeLog(text: string): string {
  const all = text.split("\n").filter((line) => line.trim() !== "");
  const summary = LOG_SUMMARY.test(all[0] ?? "") ? all[0] : undefined;
  const lines = summary === undefined ? all : all.slice(1);
  if (lines.length === 0) return "The log is empty.";
  const trouble = lines.filter((line) => TROUBLE.test(line)).slice(-MAX_LOG_LINES);
  const shown = trouble.length > 0 ? trouble : lines.slice(-MAX_LOG_LINES);
  const found = trouble.length > 0 ? "These point to a problem" : "None reports a problem; the last ones are";
  return [`${summary ?? `The log has ${counted(lines.length, "line")}.`} ${found}:`, "", "```", ...shown, "```"].join(
    "\n",
  );
}

function quote(text: string): string {
  return text.length > MAX_QUOTE ? `${text.slice(0, MAX_QUOTE)}…` : text;
}

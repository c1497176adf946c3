import { writeFileSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { root } from "../setup/paths.mjs";

const MAX_MESSAGE_CHARS = 300;
const MAX_NAMED = 10;

function firstLine(message = "") {
  const line = stripVTControlCharacters(message).trim().split("\n", 1)[0] ?? "";
  return line.length > MAX_MESSAGE_CHARS ? `${line.slice(0, MAX_MESSAGE_CHARS)}…` : line;
}

/** A line for every test that failed, and for every file that failed without one: `file > test: what it said`. */
export function failuresIn(report) {
  return (report?.testResults ?? []).flatMap(({ name, status, message, assertionResults }) => {
    const file = path.relative(root, name);
    const failed = assertionResults.filter((result) => result.status === "failed");
    if (failed.length > 0)
      return failed.map(({ fullName, failureMessages }) => `${file} > ${fullName}: ${firstLine(failureMessages[0])}`);
    return status === "failed" ? [`${file}: ${firstLine(message)}`] : [];
  });
}

/** What to read first of a run that failed, as lines; none when all passed. */
export function describeFailures(outcomes) {
  return outcomes
    .filter(({ result }) => result !== "passed")
    .flatMap(({ name, result, failures }) => {
      const more = failures.length > MAX_NAMED ? [`  and ${failures.length - MAX_NAMED} more`] : [];
      const named = failures.slice(0, MAX_NAMED).map((line) => `  ${line}`);
      const silent = failures.length === 0 ? ["  no test failed: an error outside of tests, or the deadline"] : [];
      return [`${name}: ${result}`, ...named, ...more, ...silent];
    });
}

/** Keeps them for whoever prints more after the tests (`.ci/run`). */
export function keepFailures(file, lines) {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
}

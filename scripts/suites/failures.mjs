import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

const MAX_NAMED = 10;
/** Of what is to be read where only the end of an output is shown, beside a line for each step that failed. */
const MAX_OUTCOME_CHARS = 700;
/** A line that has less does not say anything. */
const MIN_LINE_CHARS = 110;

function named(lines) {
  const more = lines.length > MAX_NAMED ? [`  and ${lines.length - MAX_NAMED} more`] : [];
  return [...lines.slice(0, MAX_NAMED).map((line) => `  ${line}`), ...more];
}

/** What to read first of a run, as lines; none when all passed at once. */
export function describeFailures(outcomes) {
  const failed = outcomes
    .filter(({ hasPassed }) => !hasPassed)
    .flatMap(({ name, result, failures }) => [`${name}: ${result}`, ...named(failures)]);
  const repeated = outcomes.flatMap(({ name, secondRun }) => secondRun.map((line) => `${name}: ${line}`));
  return [...failed, ...(repeated.length > 0 ? ["Passed only on the second run:", ...named(repeated)] : [])];
}

/** As much of lines as may be shown; what is left out is said. */
function bounded(lines, maxChars = MAX_OUTCOME_CHARS) {
  const length = (all) => all.reduce((sum, line) => sum + line.length + 1, 0);
  if (length(lines) <= maxChars) return lines;
  const more = (count) => `  and ${count} more lines in failures.txt`;
  const roomChars = maxChars - more(lines.length).length - 1;
  const shown = lines.slice(0, Math.floor(roomChars / MIN_LINE_CHARS));
  // What short lines leave is for the long ones.
  let leftChars = roomChars;
  const cut = shown.map((line, index) => {
    const shareChars = Math.floor(leftChars / (shown.length - index)) - 1;
    const text = line.length > shareChars ? `${line.slice(0, shareChars - 1)}…` : line;
    leftChars -= text.length + 1;
    return text;
  });
  return shown.length < lines.length ? [...cut, more(lines.length - shown.length)] : cut;
}

/** Whoever is killed while it writes leaves the file before. */
function write(file, lines) {
  writeFileSync(`${file}.new`, lines.map((line) => `${line}\n`).join(""));
  renameSync(`${file}.new`, file);
}

/**
 * Keeps what failed so far for whoever prints more after the tests (`.ci/run`): whole in `failures.txt`, and in `outcome.txt` what may be shown
 * where only the end of an output is. `now`: what was going on, should this process not live to say more.
 */
export function keepOutcome(folder, outcomes, now) {
  mkdirSync(folder, { recursive: true });
  const lines = describeFailures(outcomes);
  write(path.join(folder, "failures.txt"), lines);
  write(path.join(folder, "outcome.txt"), bounded([...(now === undefined ? [] : [now]), ...lines]));
}

import { readFileSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { root } from "../setup/paths.mjs";

const MAX_MESSAGE_CHARS = 300;
/** fast-check's. Its inputs are others each time: passed the second time means nothing. */
const PROPERTY_FAILED = /^(?:Error: )?Property failed/;

export function firstLine(text = "") {
  const line = stripVTControlCharacters(text).trim().split("\n", 1)[0] ?? "";
  return line.length > MAX_MESSAGE_CHARS ? `${line.slice(0, MAX_MESSAGE_CHARS)}…` : line;
}

function readEvents(file) {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // Vitest did not get as far as its reporters.
  }
  // Without the last: it is empty, or half of what was written when the process was killed.
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

const relative = (file) => path.relative(root, file);
const placeOf = ({ file, test }) => (test === undefined ? relative(file) : `${relative(file)} > ${test}`);

/** Tests that began and did not end, and files whose test is not known. */
function runningIn(events) {
  const of = (wanted) => events.filter(({ at }) => at === wanted);
  const endedTests = new Set(of("test-end").map(({ id }) => id));
  const endedFiles = new Set(
    of("file-end")
      .filter(({ isCut = false }) => !isCut)
      .map(({ file }) => file),
  );
  const tests = of("test-begin").filter(({ id }) => !endedTests.has(id));
  const known = new Set([...endedFiles, ...tests.map(({ file }) => file)]);
  return [...tests, ...of("file-begin").filter(({ file }) => !known.has(file))].map(placeOf);
}

/** What the reporter of a suite has written: `{ files, unhandled, running, hasEnded }`, also of a run that was killed. */
export function readReport(file) {
  const events = readEvents(file);
  return {
    files: new Map(events.filter(({ at }) => at === "file-end").map((event) => [event.file, event])),
    unhandled: events.filter(({ at }) => at === "unhandled"),
    running: runningIn(events),
    hasEnded: events.some(({ at }) => at === "end"),
  };
}

export function countTests({ files }) {
  const sum = (count) => [...files.values()].reduce((total, file) => total + count(file), 0);
  return {
    passed: sum(({ passed }) => passed),
    // A file that fails without a failed test (it does not load, a hook) is a failure, too.
    failed: sum(({ failures, isFailed }) => failures.length || Number(isFailed)),
    skipped: sum(({ skipped }) => skipped),
  };
}

function failuresOfFile({ file, failures, errors, isFailed }) {
  if (failures.length > 0)
    return failures.map(({ test, message }) => `${placeOf({ file, test })}: ${firstLine(message)}`);
  return isFailed ? [`${relative(file)}: ${firstLine(errors[0] ?? "failed without a message")}`] : [];
}

function describeUnhandled({ kind, message, file, test }) {
  const place = file === undefined ? "" : ` (while ${placeOf({ file, test })} ran)`;
  return `${kind} outside of tests: ${firstLine(message)}${place}`;
}

/** A line for every test, file and error outside of tests that failed: `file > test: what it said`. */
export function failuresIn({ files, unhandled }) {
  return [...unhandled.map(describeUnhandled), ...[...files.values()].flatMap(failuresOfFile)];
}

/** The files that failed by nothing but a test or a hook that may pass at another time; undefined when something else failed, too. */
export function repeatableFiles({ files, unhandled, hasEnded }) {
  const failed = [...files.values()].filter(({ isFailed }) => isFailed);
  const isRepeatable = ({ isLoaded, failures, errors }) =>
    isLoaded &&
    failures.length + errors.length > 0 &&
    !failures.some(({ message }) => PROPERTY_FAILED.test(stripVTControlCharacters(message)));
  if (!hasEnded || unhandled.length > 0 || failed.length === 0 || !failed.every(isRepeatable)) return undefined;
  return failed.map(({ file }) => file);
}

/** Two runs as one: of files that the second has, what it says. */
export function withSecondRun(first, second) {
  return { ...second, files: new Map([...first.files, ...second.files]) };
}

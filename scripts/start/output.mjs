import path from "node:path";
import { readLines } from "../setup/commands.mjs";
import { root } from "../setup/paths.mjs";
import { sayOf } from "../setup/progress.mjs";

const SHOWN_LINES = 20;
const WINDOW_MS = 10_000;

/** Log lines that a person should see: warnings and worse, in either log format. */
function isWarning(line) {
  return /^\S+ (WARN|ERROR|FATAL)\b/.test(line) || /"level":"(warn|error|fatal)"/.test(line);
}

/** Shows so many lines in ten seconds: a process that complains in a loop must not bury the others. */
function createShown(name, log) {
  let windowEndsAt = 0;
  let shown = 0;
  return (line) => {
    if (Date.now() > windowEndsAt) {
      windowEndsAt = Date.now() + WINDOW_MS;
      shown = 0;
    }
    shown += 1;
    if (shown <= SHOWN_LINES) sayOf(name, line);
    if (shown === SHOWN_LINES) sayOf(name, `(more in ${path.relative(root, log.file)})`);
  };
}

/** Where the output of a process goes: all of it to its log file, warnings (or, if verbose, all) to the terminal too. */
export function createOutput({ name, log, verbose }) {
  const show = verbose ? (line) => sayOf(name, line) : createShown(name, log);
  let lastComplaint;
  const take = (isComplaint) => (line) => {
    log.write(line);
    if (isComplaint(line)) lastComplaint = line;
    if (verbose || isComplaint(line)) show(line);
  };
  return {
    attach(child) {
      readLines(child.stdout, take(isWarning));
      readLines(
        child.stderr,
        take((line) => line !== ""),
      );
    },
    /** The last thing it complained of: most likely why it ended. */
    lastComplaint: () => lastComplaint,
  };
}

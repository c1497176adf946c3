import path from "node:path";
import { readLines } from "../setup/commands.mjs";
import { root } from "../setup/paths.mjs";
import { sayOf } from "../setup/progress.mjs";

const SHOWN_LINES = 20;
const WINDOW_MS = 10_000;
const KEPT_LINES = 8;

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

/**
 * Where the output of a process goes: all of it to its log file, warnings (or, if verbose, everything) to the terminal
 * too. What it writes to stderr is its last words more often than not: they are kept, for when it has ended.
 */
export function createOutput({ name, log, verbose }) {
  const show = verbose ? (line) => sayOf(name, line) : createShown(name, log);
  let lastWords = [];
  return {
    attach(child) {
      lastWords = [];
      readLines(child.stdout, (line) => {
        log.write(line);
        if (verbose || isWarning(line)) show(line);
      });
      readLines(child.stderr, (line) => {
        log.write(line);
        if (line.trim() !== "") lastWords = [...lastWords, line.trim()].slice(-KEPT_LINES);
        if (verbose) show(line);
      });
    },
    /** What it wrote to stderr since it was started; empty if nothing. */
    lastWords: () => lastWords,
  };
}

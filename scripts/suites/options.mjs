import { SetupError } from "../setup/setup-error.mjs";

/** In the order in which they run: the quickest answers first. */
const suites = [
  { name: "unit", deadlineMs: 2 * 60_000 },
  // Mostly waiting for deadlines of the parts under test: two files at a time, on two processors too.
  { name: "integration", deadlineMs: 8 * 60_000, needsBrokers: true, workers: 2 },
  { name: "e2e", deadlineMs: 6 * 60_000, needsBrokers: true },
  { name: "chaos", deadlineMs: 5 * 60_000, needsBrokers: true },
  { name: "browser", deadlineMs: 4 * 60_000, needsBrokers: true, needsBrowser: true },
];

/**
 * `npm test -- unit -t name`: leading names of suites choose these, the rest goes to vitest. Without names all suites run.
 */
export function readSuites(args) {
  const names = suites.map(({ name }) => name);
  const isSuite = (arg) => names.includes(arg);
  const first = args.findIndex((arg) => !isSuite(arg));
  const chosen = first === -1 ? args : args.slice(0, first);
  const rest = first === -1 ? [] : args.slice(first);
  const stray = rest.find((arg) => arg === "--project" || arg.startsWith("--project="));
  if (stray !== undefined)
    throw new SetupError(`Name the suite instead of --project: npm test -- ${names.join(" | ")}.`);
  return { chosen: suites.filter(({ name }) => chosen.length === 0 || chosen.includes(name)), vitestArgs: rest };
}

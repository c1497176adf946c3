import { table } from "../setup/progress.mjs";
import { SetupError } from "../setup/setup-error.mjs";

/** As many times as a developer's run does CI try each property. */
const propertyRuns = Math.max(1, Number(process.env.PARLEY_PROPERTY_RUNS) || 1);

/** What `npm test` knows, in this order: the quickest answers first. Those that are not `always` run in CI (`npm test -- all`). */
const suites = [
  { name: "unit", what: "the sources, without brokers", deadlineMs: propertyRuns * 2 * 60_000, always: true },
  {
    name: "integration",
    what: "each part against real NATS and Redis",
    deadlineMs: 25 * 60_000,
    always: true,
    needsBrokers: true,
    triesRoles: true,
  },
  {
    name: "e2e",
    what: "all of Parley, as its clients see it",
    deadlineMs: 15 * 60_000,
    always: true,
    needsBrokers: true,
    triesRoles: true,
  },
  { name: "hostile", what: "what no client should send", deadlineMs: 4 * 60_000, always: true, needsBrokers: true },
  { name: "chaos", what: "two kinds of fault", deadlineMs: 5 * 60_000, always: true, needsBrokers: true },
  {
    name: "browser",
    what: "the chat page and the test page in Chromium",
    deadlineMs: 6 * 60_000,
    always: true,
    needsBrokers: true,
    needsBrowser: true,
  },
  {
    name: "conformance",
    what: "the ecosystem's own clients",
    deadlineMs: 15 * 60_000,
    needsBrokers: true,
    needsClients: ["clients"],
  },
  {
    name: "page",
    what: "every flow and look of the chat page",
    deadlineMs: 20 * 60_000,
    needsBrokers: true,
    needsBrowser: true,
  },
  { name: "long", what: "storms, planted bugs, and what takes its time", deadlineMs: 20 * 60_000, needsBrokers: true },
  { name: "late", what: "live copies that come late", deadlineMs: 6 * 60_000, needsBrokers: true },
];

/** How many files all suites together may run a second time in CI, of some 650. More than these is no bad luck. */
const MAX_REPEATED_FILES = 5;

/** What it leaves out because it takes too long for each change, and how to have it. */
const onRequest = [
  ["PARLEY_PROPERTY_RUNS=4 npm test -- all", "four times as many inputs for each property; CI does"],
  [
    "PARLEY_TEST_ROLES=1 npm test -- e2e",
    "with a user per role at both brokers (deploy/nats, deploy/redis); `all` does",
  ],
  ["npm run load -- smoke", "1,200 people at once; CI does"],
  ["npm run conformance", "others' clients, and their pages in Chromium; writes docs/conformance.md"],
  ["npm run chaos", "every kind of fault, a new seed each time"],
  ["npm run fuzz -- --seconds 600", "hostile input for longer, a new seed each time"],
  ["npm run load -- soak --minutes 20", "whether memory grows; `npm run load` lists other loads"],
  ["node scripts/upgrade-rehearsal.mjs --from REVISION", "replaces a running older version"],
];

/** What a run of these suites tries and what it does not, as lines. */
export function describeTiers(chosen) {
  const left = suites.filter(({ name }) => !chosen.some((suite) => suite.name === name));
  return [
    "Runs:",
    ...table(chosen.map(({ name, what }) => [name, what])),
    "Does not run:",
    ...table([...left.map(({ name, what }) => [`npm test -- ${name}`, what]), ...onRequest]),
  ];
}

/**
 * `npm test -- unit -t name`: leading names of suites choose these (`all`: every one), the rest goes to vitest. Without names those run that
 * always do. `maxRepeats`: how many files may run a second time, where somebody wants that. With `all`, suites that try the roles have `env` for
 * that: each change is tried without them by who makes it, and with them by CI.
 */
export function readSuites(args) {
  const names = suites.map(({ name }) => name);
  const isSuite = (arg) => arg === "all" || names.includes(arg);
  const first = args.findIndex((arg) => !isSuite(arg));
  const chosen = first === -1 ? args : args.slice(0, first);
  const rest = first === -1 ? [] : args.slice(first);
  const stray = rest.find((arg) => arg === "--project" || arg.startsWith("--project="));
  if (stray !== undefined)
    throw new SetupError(`Name the suite instead of --project: npm test -- ${[...names, "all"].join(" | ")}.`);
  const isChosen = ({ name, always = false }) => {
    if (chosen.length === 0) return always;
    return chosen.includes("all") || chosen.includes(name);
  };
  const isAll = chosen.includes("all");
  const maxRepeats = isAll && rest.length === 0 ? MAX_REPEATED_FILES : 0;
  const withRoles = (suite) =>
    isAll && suite.triesRoles
      ? { ...suite, what: `${suite.what}, in its roles`, env: { PARLEY_TEST_ROLES: "1" } }
      : suite;
  return { chosen: suites.filter(isChosen).map(withRoles), vitestArgs: rest, maxRepeats };
}

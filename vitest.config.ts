import { existsSync, readFileSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Tests run the sources of the workspaces, not their builds: no build step between an edit and its test.
// Without `module`: what Node itself loads from node_modules must be what Node itself would choose.
const conditions = ["source", "node", "development|production"];

const builtOutput = ["**/node_modules/**", "**/dist/**", "**/.data/**"];
const processSetup = fileURLToPath(new URL("libs/testkit/src/global-setup.ts", import.meta.url));
const globalSetup = existsSync(processSetup) ? [processSetup] : [];

type Suite = {
  name: string;
  include: string[];
  exclude?: string[];
  timeoutMs: number;
  /** Files at a time. */
  workers: number;
  startsProcesses?: boolean;
  /** How often `expect.poll` looks; 50 by default. */
  pollMs?: number;
  /** How long; 1,000 by default. */
  pollForMs?: number;
};

/** CI tries every property so many times as often as its test says. */
const propertyRuns = Number(env["PARLEY_PROPERTY_RUNS"] ?? 1);
if (!(propertyRuns > 0)) throw new Error("PARLEY_PROPERTY_RUNS must be a number above 0.");
const ourFastCheck = fileURLToPath(new URL("test/fast-check.ts", import.meta.url));

/** Gives all tests but its own that fast-check instead of the package. */
const insteadOfFastCheck: Plugin = {
  name: "fast-check",
  enforce: "pre",
  resolveId: (source, importer = "") => {
    return source === "fast-check" && !importer.startsWith(ourFastCheck.replace(/ts$/, "")) ? ourFastCheck : undefined;
  },
};

/** Where an import of one of our packages leads: what its package.json says. */
const packages = ["libs", "services"].flatMap((folder) =>
  readdirSync(new URL(folder, import.meta.url)).map((name) =>
    path.join(import.meta.dirname, folder, name, "package.json"),
  ),
);
const packagesText = packages
  .filter((file) => existsSync(file))
  .map((file) => readFileSync(file, "utf8"))
  .join("");
const keyOfPackages = () => packagesText;

/** Part of what vitest goes by when it asks whether it has a source compiled. The lock file and this one it knows itself. */
const compiledKey: Plugin = {
  name: "compiled-key",
  configureVitest: ({ experimental_defineCacheKeyGenerator: define }) => define(keyOfPackages),
};

function suite(options: Suite, order: number): TestProjectConfiguration {
  const { name, include, exclude = [], timeoutMs, workers, startsProcesses = true } = options;
  const { pollMs = 50, pollForMs = 1_000 } = options;
  return {
    extends: true,
    test: {
      name,
      include,
      exclude: [...builtOutput, ...exclude],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      globalSetup: startsProcesses ? globalSetup : [],
      maxWorkers: workers,
      // Their packages have a condition `source` too, and what it leads to is TypeScript, which Node itself does not load from node_modules.
      server: { deps: { inline: ["@modelcontextprotocol/client", "eventsource", "eventsource-parser"] } },
      expect: { poll: { interval: pollMs, timeout: pollForMs } },
      sequence: { groupOrder: order },
      // Files share the processes of their suite: one for each, which loads everything anew, took twice the time of all unit
      // tests. So what a test changes in its process (environment, clock, globals) it changes back, and it closes what it opened.
      isolate: false,
    },
  };
}

const suites: Suite[] = [
  {
    name: "unit",
    include: ["**/test/**/*.test.{ts,tsx}"],
    exclude: [
      "**/*.int.test.ts",
      "**/*.e2e.test.ts",
      "**/*.browser.test.ts",
      "**/*.page.test.ts",
      "**/*.chaos.test.ts",
      "**/*.conformance.test.ts",
      "**/*.hostile.test.ts",
      "**/*.late.test.ts",
      "**/*.long.test.ts",
    ],
    timeoutMs: 10_000 * Math.max(1, propertyRuns),
    // Each loads the sources again, so that more of them gain nothing.
    workers: Math.min(4, Math.max(2, availableParallelism())),
    startsProcesses: false,
    // What they wait for happens in their own process: a look costs next to nothing, and nothing takes long.
    pollMs: 5,
  },
  // Mostly waiting, for deadlines of the parts under test and for answers at a person's pace: more files at a time than processors.
  { name: "integration", include: ["**/*.int.test.ts"], timeoutMs: 30_000, workers: 3 },
  { name: "e2e", include: ["test/e2e/**/*.e2e.test.ts"], timeoutMs: 60_000, workers: 3 },
  // One attacker at a time: what a neighbour's answers take is measured.
  { name: "hostile", include: ["test/hostile/**/*.hostile.test.ts"], timeoutMs: 60_000, workers: 1 },
  // One system with all its faults at a time: two would be each other's slow machine.
  { name: "chaos", include: ["test/chaos/**/*.chaos.test.ts"], timeoutMs: 120_000, workers: 1 },
  // Mostly waiting, as well.
  { name: "long", include: ["**/*.long.test.ts"], timeoutMs: 120_000, workers: 3 },
  { name: "late", include: ["test/late/**/*.late.test.ts"], timeoutMs: 60_000, workers: 1 },
  // What a page shows a moment later takes a busy machine longer.
  {
    name: "browser",
    include: ["test/browser/**/*.browser.test.ts"],
    timeoutMs: 60_000,
    workers: 1,
    pollForMs: 10_000,
  },
  // Clients of others, each in a process of its own.
  {
    name: "conformance",
    include: ["test/conformance/**/*.conformance.test.ts"],
    timeoutMs: 90_000,
    workers: 2,
    pollForMs: 10_000,
  },
  { name: "page", include: ["test/browser/**/*.page.test.ts"], timeoutMs: 60_000, workers: 1, pollForMs: 10_000 },
];

/** Files that take more than a minute: where one of them begins last, a whole suite waits for it alone. */
const longest = ["planted", "token-storm", "cluster-kills", "e2e/approval-lapsed", "janitor", "approval-window"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = longest.findIndex((name) => moduleId.endsWith(`/${name}.long.test.ts`));
      return found === -1 ? longest.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  plugins: [insteadOfFastCheck, compiledKey],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // What did not change since the last run is not compiled again (a tenth of the processor time of all unit tests).
    experimental: { fsModuleCache: true },
    sequence: { sequencer: LongestFirst },
    projects: suites.map(suite),
  },
});

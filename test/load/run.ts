import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { sleep } from "@parley/runtime";
import type { Group, Settings } from "../../loadtest/settings.ts";
import { userCount } from "../../loadtest/settings.ts";
import { createToken } from "../chaos/clients/token.ts";
import { startGenerator, type Generator, type K6Summary } from "./generator.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { createMonitor, type Monitor } from "./monitor.ts";
import type { Command } from "./options.ts";
import type { Verdict } from "./verdict.ts";
import { startWorld, type World } from "./world/world.ts";

export interface RunOptions {
  readonly command: Command;
  readonly k6: readonly string[];
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Mark {
  readonly atS: number;
  readonly text: string;
}

/** Everything that is known of a run when it is over. */
export interface Run {
  readonly ledger: Ledger;
  readonly monitor: Monitor;
  readonly marks: readonly Mark[];
  readonly k6: readonly { readonly code: number; readonly summary: K6Summary }[];
  readonly verdicts: readonly Verdict[];
  readonly durationS: number;
  /** What Parley's processes had to say, by their names. */
  readonly logs: ReadonlyMap<string, string>;
  readonly groups: readonly Group[];
}

/** Sockets of one k6 process: below the 20,000 files that many systems allow a process. */
const socketsPerGenerator = 18_000;
const usersPerVu = 40;
const maxVus = 120;
const reportEveryMs = 1_000;
const usualDrainMs = 20_000;
const tellEveryMs = 2_000;
const tokenReserveSeconds = 3_600;
const emptyGroup: Group = { kind: "idle", users: 0, turns: 0, tokens: 0, rate: 0, thinkMs: 0, startMs: 0, manner: "" };

function settingsOf(
  { scenario, options }: Command,
  groups: readonly Group[],
  world: World,
  { run, folder }: { readonly run: string; readonly folder: string },
): Settings[] {
  const processes = Math.ceil(userCount(groups) / socketsPerGenerator);
  const runMs = options.seconds * 1_000;
  const vus = Math.min(maxVus, Math.max(2, Math.ceil(userCount(groups) / processes / usersPerVu)));
  const connectMs = scenario.connectMs?.(options) ?? runMs / 5;
  return Array.from({ length: processes }, (_, process) => ({
    run,
    urls: world.edges.map(({ port }) => `ws://127.0.0.1:${port}`),
    ...{ vus, process, processes, connectMs, reportEveryMs, groups },
    // The ramp of many idle connections takes its time; they are to be looked at when they are all there.
    runMs: Math.max(runMs, connectMs + runMs / 2),
    drainMs: scenario.drainMs ?? usualDrainMs,
    mayLoseEdges: scenario.mayLoseEdges ?? false,
    summaryFile: path.join(folder, `k6-${process}.json`),
  }));
}

async function startGenerators(
  { command, k6, signal }: RunOptions,
  settings: readonly Settings[],
  { ledger, tokensFile }: { ledger: Ledger; tokensFile: string },
): Promise<Generator[]> {
  const { script } = command.scenario;
  return Promise.all(
    settings.map((each, index) =>
      startGenerator({
        ...{ command: k6, script, settings: each, tokensFile, signal },
        onReport: (report) => ledger.add(index, report),
      }),
    ),
  );
}

/** Starts Parley and the generators, lets them run, watches, and stops everything. */
export async function run(options: RunOptions): Promise<Run> {
  const { command } = options;
  const groups = command.scenario.groups(command.options).map((group) => ({ ...emptyGroup, ...group }));
  const folder = await mkdtemp(path.join(tmpdir(), "parley-load-"));
  const { edges, agents } = command.options;
  const { tools = 0, model = "simulator" } = command.scenario;
  try {
    await using world = await startWorld({ edges, agents, tools, model });
    return await play(options, { groups, folder, world });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Ground {
  readonly groups: readonly Group[];
  readonly folder: string;
  readonly world: World;
}

async function play(options: RunOptions, { groups, folder, world }: Ground): Promise<Run> {
  const { command, signal, say } = options;
  const tokensFile = path.join(folder, "tokens");
  // A soak of hours must not end with its tokens.
  const lifetimeSeconds = command.options.seconds + tokenReserveSeconds;
  const users = Array.from({ length: userCount(groups) }, (_, user) =>
    createToken(world.jwtSecret, `user-${user}`, lifetimeSeconds),
  );
  await writeFile(tokensFile, users.join("\n"));
  const name = `load${Date.now().toString(36)}`;
  await command.scenario.prepare?.({ world, run: name, groups, tokens: users });
  const startedMs = Date.now();
  const ledger = createLedger(startedMs);
  const monitor = createMonitor(world, startedMs);
  await monitor.sample();
  const settings = settingsOf(command, groups, world, { run: name, folder });
  const generators = await startGenerators(options, settings, { ledger, tokensFile });
  for (const [index, { pid }] of generators.entries()) {
    monitor.processes.add({ name: generators.length === 1 ? "k6" : `k6 ${index + 1}`, pid, isLoad: true });
  }
  const marks: Mark[] = [];
  const note = (text: string): void => {
    const atS = (Date.now() - startedMs) / 1_000;
    marks.push({ atS, text });
    say(`  ${Math.round(atS)} s: ${text}`);
  };
  const at = (ms: number): Promise<void> => sleep(Math.max(0, startedMs + ms - Date.now()), signal);
  const watching = monitor.watch({ ledger, say, tellEveryMs });
  try {
    const acting = command.scenario.act?.({ world, options: command.options, ledger, at, note, signal });
    const [k6, verdicts] = await Promise.all([Promise.all(generators.map(({ finished }) => finished)), acting ?? []]);
    await monitor.sample();
    return {
      ledger,
      monitor,
      marks,
      k6,
      verdicts,
      groups,
      durationS: (Date.now() - startedMs) / 1_000,
      logs: world.logs(),
    };
  } finally {
    watching.stop();
  }
}

import { sleep } from "@parley/runtime";
import { readFigures, sumOf } from "../chaos/world/figures.ts";
import { createToken } from "../chaos/clients/token.ts";
import type { Verdict } from "./verdict.ts";
import { startSlowReader, type SlowReader } from "./slow-reader.ts";
import type { Stage } from "./stage.ts";

/** In the middle of the run the first edge is killed, unannounced. */
export async function killEdge({ world, options, ledger, at, note }: Stage): Promise<readonly Verdict[]> {
  await at((options.seconds * 1_000) / 2);
  const [victim] = world.edges;
  if (victim === undefined || world.edges.length < 2) throw new Error("edge-killed needs --edges 2 or more.");
  const before = ledger.sockets();
  note(`edge 1 is killed; ${before} sockets were open`);
  await victim.kill();
  await at((options.seconds * 1_000) / 2 + 15_000);
  const after = ledger.sockets();
  note(`15 s later ${after} sockets are open`);
  return [
    {
      what: "sockets open 15 s after the kill, of those before",
      says: `${after} of ${before}`,
      isGood: after >= before,
    },
  ];
}

/** All agent workers but one are killed, unannounced, one after the other. */
export async function killWorkers({ world, options, at, note }: Stage): Promise<readonly Verdict[]> {
  const victims = world.agents.slice(1);
  for (const [index, victim] of victims.entries()) {
    await at((options.seconds * 1_000 * (index + 1)) / (victims.length + 1));
    await victim.kill();
    note(`agent worker ${index + 2} of ${world.agents.length} is killed`);
  }
  return [];
}

const slowReaders = 4;
const stopAtMs = 10_000;
/** The kernel's own buffers come first: some megabytes for each socket. */
const maxRounds = 15;
const roundMs = 1_500;
const catchUpMs = 20_000;
/** Longer than an edge waits for a socket that lags. */
const longPauseMs = 35_000;
const endMs = 5_000;

/**
 * Readers who stop reading, while more is sent to them than all buffers hold. Half of them read again soon and must be
 * brought to the present; the others must be thrown out.
 */
export async function playSlowReaders(stage: Stage): Promise<readonly Verdict[]> {
  const { at, note, signal } = stage;
  await at(stopAtMs);
  const readers = await startReaders(stage);
  const patient = readers.filter((_, index) => index % 2 === 0);
  const stubborn = readers.filter((_, index) => index % 2 === 1);
  try {
    for (const reader of readers) reader.stop();
    note(`${readers.length} readers stop reading, and ask for much`);
    const lagging = await makeLag(stage, readers);
    const lagMs = performance.now();
    note(`${lagging} sockets lag; ${patient.length} read again`);
    for (const reader of patient) reader.readAgain();
    const whole = await countWithin(catchUpMs, patient, (reader, late) => reader.untilWhole(late));
    const snapshots = patient.reduce((sum, reader) => sum + reader.snapshots(), 0);
    note(`${whole} are up to date, with ${snapshots} snapshots`);
    await sleep(Math.max(0, lagMs + longPauseMs - performance.now()), signal);
    // A socket that is not read does not learn of its own end either.
    for (const reader of stubborn) reader.readAgain();
    const gone = await countWithin(
      endMs,
      stubborn,
      async (reader, late) => (await reader.untilClosed(late)) !== undefined,
    );
    note(`${gone} of ${stubborn.length} that read nothing for ${longPauseMs / 1_000} s were thrown out`);
    return [
      allOf("slow readers whose sockets lagged", lagging, readers.length),
      allOf("slow readers that read again are up to date", whole, patient.length),
      allOf("readers that do not read again are thrown out", gone, stubborn.length),
    ];
  } finally {
    for (const reader of readers) reader.close();
  }
}

/** Has them ask for more and more, until the edges see all of them lag. Returns how many do. */
async function makeLag({ world, signal }: Stage, readers: readonly SlowReader[]): Promise<number> {
  let lagging = 0;
  for (let round = 0; round < maxRounds && lagging < readers.length; round++) {
    for (const reader of readers) reader.askMuch();
    await sleep(roundMs, signal);
    const figures = await Promise.all(world.edges.map(({ adminPort }) => readFigures(adminPort)));
    lagging = figures.reduce((sum, each) => sum + (sumOf(each, "parley_edge_lagging_sockets") ?? 0), 0);
  }
  return lagging;
}

function startReaders({ world }: Stage): Promise<SlowReader[]> {
  return Promise.all(
    Array.from({ length: slowReaders }, (_, index) => {
      const edge = world.edges[index % world.edges.length];
      const user = `slow-${index}`;
      return startSlowReader({ port: edge?.port ?? 0, user, token: createToken(world.jwtSecret, user) });
    }),
  );
}

type Holds = (reader: SlowReader, late: AbortSignal) => Promise<boolean>;

/** Of how many this holds before the time is over. Its own timer: Node 20 forgets combined signals that nobody else holds. */
async function countWithin(withinMs: number, readers: readonly SlowReader[], holds: Holds): Promise<number> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), withinMs);
  try {
    const results = await Promise.all(readers.map((reader) => holds(reader, late.signal)));
    return results.filter(Boolean).length;
  } finally {
    clearTimeout(timer);
  }
}

function allOf(what: string, some: number, all: number): Verdict {
  return { what, says: `${some} of ${all}`, isGood: some === all };
}

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

const slowReaders = 20;
const stopAtMs = 10_000;
/** Longer than an edge waits for a socket that lags. */
const longPauseMs = 45_000;
const shortPauseMs = 12_000;
const catchUpMs = 15_000;

/**
 * Readers who stop reading, while answers larger than all buffers are sent to them. Half of them read again soon and must
 * get the whole answer; the others must be thrown out.
 */
export async function playSlowReaders(stage: Stage): Promise<readonly Verdict[]> {
  const { world, at, note, signal } = stage;
  await at(stopAtMs);
  const readers = await Promise.all(
    Array.from({ length: slowReaders }, (_, index) => {
      const edge = world.edges[index % world.edges.length];
      const user = `slow-${index}`;
      return startSlowReader({ port: edge?.port ?? 0, user, token: createToken(world.jwtSecret, user) });
    }),
  );
  try {
    note(`${slowReaders} readers ask for long answers and stop reading`);
    for (const reader of readers) reader.askAndStop();
    await at(stopAtMs + shortPauseMs);
    const patient = readers.filter((_, index) => index % 2 === 0);
    note(`${patient.length} of them read again`);
    for (const reader of patient) reader.readAgain();
    const whole = await countWhole(patient, AbortSignal.any([signal, AbortSignal.timeout(catchUpMs)]));
    await at(stopAtMs + longPauseMs);
    // A socket that is not read does not learn of its end either.
    for (const reader of readers) reader.readAgain();
    await at(stopAtMs + longPauseMs + 2_000);
    const gone = readers.filter((reader, index) => index % 2 === 1 && reader.closedBy() !== undefined).length;
    const snapshots = readers.reduce((sum, reader) => sum + reader.snapshots(), 0);
    note(`${gone} of ${readers.length - patient.length} that read nothing for ${longPauseMs / 1_000} s are gone`);
    return [
      {
        what: "slow readers caught up after a pause",
        says: `${whole} of ${patient.length}, with ${snapshots} snapshots`,
        isGood: whole === patient.length,
      },
      {
        what: "readers that never read again are thrown out",
        says: `${gone} of ${readers.length - patient.length}`,
        isGood: gone === readers.length - patient.length,
      },
    ];
  } finally {
    for (const reader of readers) reader.close();
  }
}

async function countWhole(readers: readonly SlowReader[], signal: AbortSignal): Promise<number> {
  const results = await Promise.all(readers.map((reader) => reader.untilWhole(signal)));
  return results.filter(Boolean).length;
}

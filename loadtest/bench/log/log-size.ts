import { execFileSync } from "node:child_process";
import { openBus, type Bus } from "@parley/bus";
import { streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats, tempDir, type NatsServer } from "@parley/testkit";
import { residentBytesOf } from "../measure/process-usage.ts";
import { quantile, rounded } from "../measure/statistics.ts";
import { conversationOf, ownerRecord, turnRecordText } from "./records.ts";

/** A recovery of millions of messages takes its time. */
const startDeadlineMs = 600_000;
const lookUps = 2_000;
const appends = 4_000;
const appendsAtOnce = 64;
/** Published without waiting for each: what is measured is what the stream is like afterwards. */
const publishedAtOnce = 3_000;
const turnsPerConversation = 2;

export interface LogSize {
  readonly conversations: number;
  readonly records: number;
  readonly diskMb: number;
  readonly rssMb: number;
  readonly rssAfterRestartMb: number;
  readonly stopMs: number;
  readonly startMs: number;
  readonly startAfterKillMs: number;
  readonly last: Times;
  readonly bySeq: Times;
  readonly appendsPerSecond: number;
}

interface Times {
  readonly p50: number;
  readonly p99: number;
}

function openBenchBus(url: string): Promise<Bus> {
  const log = createLogger({ service: "bench", level: "fatal", format: "json" });
  return openBus({ servers: url, name: "bench", log });
}

async function fill({ nc, conversations }: Bus, from: number, to: number): Promise<number> {
  const owner = ownerRecord();
  for (let i = from; i < to; i++) {
    const id = conversationOf(i);
    nc.publish(subjects.owner(0, id), owner);
    for (let turn = 0; turn < turnsPerConversation; turn++) nc.publish(subjects.log(0, id), turnRecordText(id, turn));
    if (i % publishedAtOnce === 0) await nc.flush();
  }
  await nc.flush();
  // The stream stores one message after the other: the answer to this comes when all before it are in.
  return (await conversations.endOf(conversationOf(0))).log;
}

async function timesOf(count: number, ask: () => Promise<unknown>): Promise<Times> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await ask();
    times.push(performance.now() - startedAt);
  }
  return { p50: rounded(quantile(times, 0.5)), p99: rounded(quantile(times, 0.99)) };
}

/** Each behind the last record of its conversation, on condition that it is that. */
async function appendRate({ events }: Bus, conversations: number): Promise<number> {
  const startedAt = performance.now();
  let made = 0;
  let stored = 0;
  const write = async (): Promise<void> => {
    while (made++ < appends) {
      const id = `new-${conversations}-${made}`;
      const data = Buffer.from(turnRecordText(id, 0));
      const result = await events.append({ subject: subjects.log(0, id), data, expect: 0 });
      if (result.kind === "stored") stored++;
    }
  };
  await Promise.all(Array.from({ length: appendsAtOnce }, write));
  return Math.round((stored / (performance.now() - startedAt)) * 1_000);
}

function diskMbOf(folder: string): number {
  return Math.round(Number(execFileSync("du", ["-sm", folder], { encoding: "utf8" }).split("\t")[0]));
}

const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return Math.round(performance.now() - startedAt);
}

/** The server listens to clients when it has recovered all streams. */
async function measure(server: NatsServer, folder: string, conversations: number): Promise<LogSize> {
  const bus = await openBenchBus(server.url);
  const any = (): string => conversationOf(Math.floor(Math.random() * conversations));
  const records = (await bus.conversations.endOf(any())).log;
  // By their newest record, as a worker or an edge that has seen nothing of them yet finds them.
  const last = await timesOf(lookUps, () => bus.conversations.updatedAt(any()));
  const bySeq = await timesOf(lookUps, () => bus.conversations.hasRecord(any(), Math.ceil(Math.random() * records)));
  const appendsPerSecond = await appendRate(bus, conversations);
  const rssMb = mb(residentBytesOf(server.pid));
  const diskMb = diskMbOf(folder);
  await bus.close();
  const stopMs = await timed(() => server.kill("SIGTERM"));
  const startMs = await timed(() => server.restart());
  const rssAfterRestartMb = mb(residentBytesOf(server.pid));
  await server.kill("SIGKILL");
  const startAfterKillMs = await timed(() => server.restart());
  const size = { conversations, records, diskMb, rssMb, rssAfterRestartMb, stopMs, startMs, startAfterKillMs };
  return { ...size, last, bySeq, appendsPerSecond };
}

/** One stream, filled in steps up to so many conversations, each with an owner and two records of a turn, and what the broker is like at each. */
export async function measureLogSizes(
  most: number,
  { maxMs, say }: { readonly maxMs: number; readonly say: (line: string) => void },
): Promise<LogSize[]> {
  const steps = [10_000, 100_000, 300_000, 1_000_000, 3_000_000].filter((step) => step < most);
  const sizes: LogSize[] = [];
  const startedAt = performance.now();
  await using folder = await tempDir();
  await using server = await startNats({ dir: folder.path, startDeadlineMs });
  let filled = 0;
  for (const step of [...steps, most]) {
    if (performance.now() - startedAt > maxMs) {
      say(`not tried with ${step}: it has taken ${Math.round((performance.now() - startedAt) / 1_000)} s so far`);
      break;
    }
    const bus = await openBenchBus(server.url);
    const took = await timed(() => fill(bus, filled, step));
    say(`${step} conversations, the last ${step - filled} in ${Math.round(took / 1_000)} s (${streams.log(0)})`);
    await bus.close();
    filled = step;
    const size = await measure(server, folder.path, step);
    say(JSON.stringify(size));
    sizes.push(size);
  }
  return sizes;
}

import { jetstreamManager } from "@nats-io/jetstream";
import { encodeJson, linkTo, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOutbox } from "../src/outbox.ts";
import { createPatientLookups, type PatientLookups } from "../src/patient-lookups.ts";
import { createRequests } from "../src/requests.ts";
import { createTranscripts } from "../src/transcripts.ts";
import { messageRecords, turnRecord } from "./turn-records.ts";
import { openTestBus } from "./workbench.ts";

const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
const turns = 300;
let bench: Awaited<ReturnType<typeof openTestBus>>;

async function store(conversation_id: string, value: object): Promise<number> {
  const subject = subjects.log(0, conversation_id);
  const result = await bench.bus.events.append({ subject, data: encodeJson(value) });
  if (result.kind !== "stored") throw new Error(result.kind);
  return result.seq;
}

beforeAll(async () => {
  bench = await openTestBus();
  const { transcripts } = bench.bus;
  for (let i = 0; i < turns; i++) {
    await transcripts.append(turnRecord(`t${i}`));
    for (const record of messageRecords(`t${i}`, { conversation_id: "c2" })) await transcripts.append(record);
    // Others write into the same stream.
    for (let other = 0; other < i % 3; other++) await store("c9", { prev: 0 });
  }
});
afterAll(() => bench[Symbol.asyncDispose]());

/**
 * Look-ups that leave together and whose answers are all there before anybody goes on: one round trip, however many they are, as it is where the
 * broker is far away.
 */
function countRounds({ lookUp, lookUpKept, ...others }: PatientLookups) {
  let rounds = 0;
  let most = 0;
  let isUnderWay = false;
  let waiting: (() => Promise<() => void>)[] = [];
  const leave = async (): Promise<void> => {
    if (waiting.length === 0) return void (isUnderWay = false);
    rounds++;
    most = Math.max(most, waiting.length);
    const together = waiting.map((ask) => ask());
    waiting = [];
    for (const tell of await Promise.all(together)) tell();
    setImmediate(() => void leave());
  };
  const inRound = <T>(ask: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push(() =>
        ask().then(
          (answer) => () => resolve(answer),
          (error: Error) => () => reject(error),
        ),
      );
      if (!isUnderWay) setImmediate(() => void leave());
      isUnderWay = true;
    });
  const jsm: PatientLookups = {
    ...others,
    lookUp: (stream, query) => inRound(() => lookUp(stream, query)),
    lookUpKept: (stream, seq) => inRound(() => lookUpKept(stream, seq)),
  };
  return { jsm, rounds: () => rounds, most: () => most };
}

/** A process that has read nothing yet. */
async function coldReader() {
  const { bus } = bench;
  const outbox = createOutbox();
  const requests = createRequests(bus, outbox, log);
  const real = createPatientLookups(await jetstreamManager(bus.nc), requests, { replicas: 1 });
  const counted = countRounds(real);
  const transcripts = createTranscripts(counted.jsm, bus.events, bus.unreadable);
  return { ...counted, transcripts, close: () => (requests.close(), outbox.close()) };
}

describe("a transcript that nobody has read yet", () => {
  it.each([
    ["c1", 40, 2],
    ["c1", 200, 6],
    // A record for each message.
    ["c2", 40, 3],
    ["c2", 200, 10],
  ])("%s of %i turns is read in %i round trips", async (conversation, count, atMost) => {
    const { transcripts, rounds, most, close } = await coldReader();
    const page = await transcripts.tail(conversation, { limit: 2 * count });
    const expected = Array.from({ length: count }, (_, i) => `t${turns - count + i}`);
    expect(page.turns.map(({ turn_id }) => turn_id)).toEqual(expected);
    expect(rounds()).toBeLessThanOrEqual(atMost);
    expect(most()).toBeLessThanOrEqual(48);
    close();
  });

  it("is read page by page in two round trips each", async () => {
    const { transcripts, rounds, close } = await coldReader();
    const newest = await transcripts.tail("c1", { limit: 80 });
    const roundsOfFirst = rounds();
    const older = await transcripts.tail("c1", { limit: 80, before: newest.before });
    expect(older.turns.map(({ turn_id }) => turn_id)).toEqual(Array.from({ length: 40 }, (_, i) => `t${220 + i}`));
    expect(rounds() - roundsOfFirst).toBeLessThanOrEqual(2);
    close();
  });

  it("is walked one by one where an older version wrote it, and named at once by what is written behind that", async () => {
    const { bus } = bench;
    let prev = 0;
    for (let i = 0; i < 10; i++) {
      for (const record of messageRecords(`t${i}`, { conversation_id: "c4" }))
        prev = await store("c4", { ...record, prev });
    }
    const old = await coldReader();
    expect((await old.transcripts.tail("c4", { limit: 20 })).turns).toHaveLength(10);
    expect(old.rounds()).toBe(20);
    // Its writer has read the conversation, as a worker has that answers in it.
    await bus.transcripts.tail("c4", { limit: 20 });
    await bus.transcripts.append(...messageRecords("t10", { conversation_id: "c4" }));
    const next = await coldReader();
    expect((await next.transcripts.tail("c4", { limit: 60 })).turns).toHaveLength(11);
    expect(next.rounds()).toBeLessThanOrEqual(2);
    old.close();
    next.close();
  });

  it("is read whole where the records that one names are gone or another's", async () => {
    const seqs: number[] = [];
    for (let i = 0; i < 5; i++) {
      const named = i === 4 ? [seqs[0] ?? 0, 1, 2] : seqs;
      seqs.unshift(await store("c3", { ...turnRecord(`t${i}`, { conversation_id: "c3" }), ...linkTo(named) }));
    }
    const { transcripts, close } = await coldReader();
    const ids = (await transcripts.tail("c3", { limit: 20 })).turns.map(({ turn_id }) => turn_id);
    expect(ids).toEqual(["t0", "t1", "t2", "t3", "t4"]);
    close();
  });
});

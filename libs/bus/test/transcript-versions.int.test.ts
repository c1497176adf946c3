import fc from "fast-check";
import { encodeJson, messagesOf, subjects, type ConversationId } from "@parley/protocol";
import { openBus, type Bus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { expect, it } from "vitest";
import { messageRecords, turnRecord } from "./turn-records.ts";
import { openTestBus } from "./workbench.ts";

function openOther(servers: string): Promise<Bus> {
  const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
  return openBus({ servers, name: "other", log, ackWaitMs: 20_000 });
}

/** Puts a record behind all others as it is, as a process does that knows nothing of those before it. */
async function store({ events, transcripts }: Bus, conversation: ConversationId, value: object): Promise<void> {
  const prev = (await transcripts.newest(conversation))?.seq ?? 0;
  const data = encodeJson({ prev, ...value });
  const result = await events.append({ subject: subjects.log(0, conversation), data });
  expect(result.kind).toBe("stored");
}

async function idsIn({ transcripts }: Bus, conversation: ConversationId, limit: number): Promise<string[]> {
  const pages: string[][] = [];
  let before = 0;
  do {
    const page = await transcripts.tail(conversation, { limit, before });
    pages.unshift(messagesOf(page.turns).map(({ message_id }) => message_id));
    before = page.before;
  } while (before > 0);
  return pages.flat();
}

const bothOf = (turn: string): string[] => [`${turn}-u`, `${turn}-a`];

it("has each turn once when workers of both versions end it at the same time", async () => {
  await using bench = await openTestBus();
  const other = await openOther(bench.nats.url);
  for (let i = 0; i < 20; i++) {
    await Promise.all([
      bench.bus.transcripts.append(turnRecord(`t${i}`)),
      other.transcripts.append(...messageRecords(`t${i}`)),
    ]);
  }
  const ids = Array.from({ length: 20 }, (_, i) => bothOf(`t${i}`)).flat();
  for (const bus of [bench.bus, other]) expect(await idsIn(bus, "c1", 100)).toEqual(ids);
  expect(await recordCount(bench.bus)).toBeLessThanOrEqual(40);
  await other.close();
});

/** Records that `LOG` has of the conversation. */
async function recordCount({ conversations, transcripts }: Bus): Promise<number> {
  const { log } = await conversations.endOf("c1");
  expect((await transcripts.newest("c1"))?.seq).toBe(log);
  return log;
}

it("completes a turn whose worker was killed between its question and its answer, and adds nothing else", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  const [question] = messageRecords("t1");
  await transcripts.append(question);
  const other = await openOther(bench.nats.url);
  await other.transcripts.append(turnRecord("t1"));
  await other.transcripts.append(turnRecord("t1"));
  expect(await idsIn(bench.bus, "c1", 100)).toEqual(bothOf("t1"));
  expect(await recordCount(bench.bus)).toBe(2);
  await other.close();
});

it("adds nothing in version 1 to a turn that is stored in version 2", async () => {
  await using bench = await openTestBus();
  await bench.bus.transcripts.append(turnRecord("t1"));
  const other = await openOther(bench.nats.url);
  await other.transcripts.append(...messageRecords("t1"));
  expect(await recordCount(bench.bus)).toBe(1);
  await other.close();
});

it("takes no record of another conversation for one of its own, whatever a record says stands before it", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  await transcripts.append(turnRecord("secret", { conversation_id: "c2" }));
  await store(bench.bus, "c1", { ...turnRecord("t1"), prev: 1, back: [] });
  await store(bench.bus, "c1", { ...turnRecord("t2"), back: [1, 5, 900] });
  const other = await openOther(bench.nats.url);
  for (const bus of [bench.bus, other]) expect(await idsIn(bus, "c1", 100)).toEqual(["t1", "t2"].flatMap(bothOf));
  await other.close();
});

it("reads on where a record names those before it in a way that cannot be read", async () => {
  await using bench = await openTestBus();
  await bench.bus.transcripts.append(turnRecord("t1"));
  await bench.bus.transcripts.append(turnRecord("t2"));
  await store(bench.bus, "c1", { ...turnRecord("t3"), back: "all of them" });
  await bench.bus.transcripts.append(turnRecord("t4"));
  expect(await idsIn(bench.bus, "c1", 100)).toEqual(["t1", "t2", "t3", "t4"].flatMap(bothOf));
});

const ways = ["2", "1", "question, then 2", "2, then 1", "1, then 2", "garbage", "title"] as const;

it("is the same transcript, page by page, in whichever versions it was written, with records twice and some that cannot be read", async () => {
  await using bench = await openTestBus();
  let conversations = 0;
  const one = async (chain: readonly (typeof ways)[number][], limit: number): Promise<void> => {
    const conversation_id = `c${conversations++}`;
    const expected: string[] = [];
    for (const [i, way] of chain.entries()) {
      const [question, answer] = messageRecords(`t${i}`, { conversation_id });
      const whole = turnRecord(`t${i}`, { conversation_id });
      const records = {
        ...{ "2": [whole], "1": [question, answer], "question, then 2": [question, whole] },
        ...{ "2, then 1": [whole, question, answer], "1, then 2": [question, answer, whole] },
        garbage: [{ conversation_id: 5 }],
        title: [{ v: 3, kind: "title", conversation_id }],
      }[way];
      for (const record of records) await storeNext(bench.bus, conversation_id, record);
      if (way !== "garbage" && way !== "title") expected.push(...bothOf(`t${i}`));
    }
    expect(await idsIn(bench.bus, conversation_id, limit)).toEqual(expected);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...ways), { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), one),
    { numRuns: 60 },
  );
}, 60_000);

const lastSeqs = new Map<ConversationId, number>();

/** As `store`, but behind what cannot be read too. */
async function storeNext({ events }: Bus, conversation: ConversationId, value: object): Promise<void> {
  const data = encodeJson({ prev: lastSeqs.get(conversation) ?? 0, ...value });
  const result = await events.append({ subject: subjects.log(0, conversation), data });
  if (result.kind !== "stored") throw new Error(result.kind);
  lastSeqs.set(conversation, result.seq);
}

import { limits, messagesOf, subjects } from "@parley/protocol";
import { openBus, type Bus } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { describe, expect, it } from "vitest";
import { messageRecords, turnRecord, type RecordsOf } from "./turn-records.ts";
import { openTestBus } from "./workbench.ts";

async function idsIn({ transcripts }: Bus, options: { limit: number; before?: number }): Promise<string[]> {
  return messagesOf((await transcripts.tail("c1", options)).turns).map(({ message_id }) => message_id);
}

const all = { limit: 100 };
const bothOf = (turn: string): string[] => [`${turn}-u`, `${turn}-a`];

const formats: [string, RecordsOf][] = [
  ["a record per message", messageRecords],
  ["a record per turn", (turn, more) => [turnRecord(turn, more)]],
];

describe.each(formats)("a transcript of %s", (_name, recordsOf) => {
  it("has a turn once, however often and from wherever it is appended", async () => {
    await using bench = await openTestBus();
    const { transcripts } = bench.bus;
    await Promise.all([0, 1, 2].map(() => transcripts.append(...recordsOf("t1"))));
    await transcripts.append(...recordsOf("t2"));
    await transcripts.append(...recordsOf("t1"));
    expect(await idsIn(bench.bus, all)).toEqual([...bothOf("t1"), ...bothOf("t2")]);
  });

  it("finds a turn however many came since it was accepted, and stores it no second time", async () => {
    await using bench = await openTestBus();
    const { transcripts } = bench.bus;
    const acceptedMs = Date.now();
    await transcripts.appendOf(acceptedMs, ...recordsOf("t"));
    for (let i = 0; i < 45; i++) await transcripts.append(...recordsOf(`t${i}`));
    const found = { turn_id: "t", question: { message: "t asked" }, answer: { message: "t answered" } };
    expect(await transcripts.find("c1", "t", acceptedMs)).toMatchObject(found);
    await transcripts.appendOf(acceptedMs, ...recordsOf("t"));
    expect(await idsIn(bench.bus, all)).toHaveLength(92);
    // What was stored long before the turn was accepted is not looked through.
    expect(await transcripts.find("c1", "t", Date.now() + 3_600_000)).toBeUndefined();
  });

  it("is read backwards page by page", async () => {
    await using bench = await openTestBus();
    const { transcripts } = bench.bus;
    for (let i = 0; i < 5; i++) await transcripts.append(...recordsOf(`t${i}`));
    const newest = await transcripts.tail("c1", { limit: 4 });
    const older = await transcripts.tail("c1", { limit: 4, before: newest.before });
    const oldest = await transcripts.tail("c1", { limit: 4, before: older.before });
    const ids = [oldest, older, newest].map(({ turns }) => turns.map(({ turn_id }) => turn_id));
    expect(ids).toEqual([["t0"], ["t1", "t2"], ["t3", "t4"]]);
    expect(oldest.before).toBe(0);
  });

  it("is read in pages of bounded size, which divide no turn", async () => {
    await using bench = await openTestBus();
    const { transcripts } = bench.bus;
    const text = "x".repeat(400_000);
    const ids = Array.from({ length: 24 }, (_, i) => `t${i}`);
    for (const id of ids) {
      const { answer } = turnRecord(id);
      await transcripts.append(...recordsOf(id, { answer: { ...answer, parts: [{ type: "text", text }] } }));
    }
    const pages: string[][] = [];
    for (let before: number | undefined; before !== 0;) {
      const page = await transcripts.tail("c1", { limit: 100, ...(before === undefined ? {} : { before }) });
      pages.push(page.turns.map(({ turn_id }) => turn_id));
      before = page.before;
      expect(JSON.stringify(page).length).toBeLessThan(2 * (limits.transcriptPageBytes + text.length));
      expect(page.turns.every(({ question }) => question !== undefined)).toBe(true);
    }
    expect(pages.length).toBe(3);
    expect(pages.toReversed().flat()).toEqual(ids);
  });

  it("is read by who has written it as by any other process", async () => {
    await using bench = await openTestBus();
    const log = createLogger({ service: "test", level: "fatal", format: "pretty" });
    const other = await openBus({ servers: bench.nats.url, name: "other", log, ackWaitMs: 20_000 });
    const odd = { type: "text", text: "lone \ud800, ünïcode" };
    const metadata = { agent: "general", confidence: 1, model: "m", context: { sources: [] } };
    const { answer, ...record } = turnRecord("t1");
    await bench.bus.transcripts.append(
      ...recordsOf("t1", { ...record, answer: { ...answer, parts: [odd], metadata } }),
    );
    await bench.bus.transcripts.append(...recordsOf("t2"));
    const [own, read] = await Promise.all([bench.bus, other].map((bus) => bus.transcripts.tail("c1", { limit: 10 })));
    expect(own?.turns).toHaveLength(2);
    expect(own).toEqual(read);
    expect(await bench.bus.transcripts.tail("c1", { limit: 10 })).toEqual(read);
    await other.close();
  });

  it("passes over what cannot be read, and finds what is before it", async () => {
    await using bench = await openTestBus();
    const { transcripts, nc, unreadable } = bench.bus;
    await transcripts.append(...recordsOf("t1"));
    await transcripts.append(turnRecord("x1", { conversation_id: "c2" }));
    await transcripts.append(...recordsOf("t2"));
    const newest = (await transcripts.newest("c1"))?.seq ?? 0;
    const newer = { v: 3, kind: "title", conversation_id: "c1", prev: newest + 1, title: "x" };
    for (const data of ["garbage", JSON.stringify(newer), ""]) await nc.request(subjects.log(0, "c1"), data);
    await transcripts.append(...recordsOf("t3"));
    await transcripts.append(...recordsOf("t1"));
    expect(await idsIn(bench.bus, all)).toEqual(["t1", "t2", "t3"].flatMap(bothOf));
    expect(unreadable.counts).toMatchObject({ record: 3 });
  });
});

it("lets one user own a conversation", async () => {
  await using bench = await openTestBus();
  const { owners } = bench.bus;
  expect(await owners.ownerOf("c1")).toBeUndefined();
  const claims = await Promise.all([owners.claim("c1", "anna"), owners.claim("c1", "bert")]);
  expect(new Set(claims.map(({ userId }) => userId)).size).toBe(1);
  expect(claims.filter(({ isNew }) => isNew)).toHaveLength(1);
  expect(await owners.ownerOf("c1")).toEqual({ userId: claims[0]?.userId, tenant: undefined });
});

it("begins a page with a whole turn, and repeats and loses none", async () => {
  await using bench = await openTestBus();
  const { transcripts } = bench.bus;
  const placed = (turn: number) => messageRecords(`t${turn}`, { place: turn, queued_at: turn });
  const whole = (turn: number) => turnRecord(`t${turn}`, { place: turn, queued_at: turn });
  const turnsIn = async (options: { limit: number; before?: number }) => {
    const { turns, before } = await transcripts.tail("c1", options);
    return { ids: turns.map(({ turn_id }) => turn_id), messages: messagesOf(turns).length, before };
  };
  // The second was cancelled while the first was being stored.
  const [question, answer] = placed(1);
  await transcripts.append(question);
  await transcripts.append(whole(2));
  await transcripts.append(answer);
  await transcripts.append(whole(3));
  expect(await turnsIn({ limit: 3 })).toEqual({ ids: ["t1", "t2", "t3"], messages: 6, before: 0 });
  const last = await turnsIn({ limit: 1 });
  expect(last).toMatchObject({ ids: ["t3"], messages: 2 });
  expect(await turnsIn({ limit: 1, before: last.before })).toEqual({ ids: ["t1", "t2"], messages: 4, before: 0 });
  // The fifth was cancelled while the fourth waited for its model.
  await transcripts.append(...placed(5));
  await transcripts.append(whole(4));
  expect(await turnsIn({ limit: 2 })).toMatchObject({ ids: ["t4", "t5"], messages: 4 });
});

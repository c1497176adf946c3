import { messagesOf, type NewTurnRecord } from "@parley/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { messageRecords, turnRecord, type RecordsOf } from "./turn-records.ts";
import { openTestBus } from "./workbench.ts";

const formats: [string, RecordsOf][] = [
  ["a record per message", messageRecords],
  ["a record per turn", (turn, more) => [turnRecord(turn, more)]],
];

let bench: Awaited<ReturnType<typeof openTestBus>>;
beforeAll(async () => void (bench = await openTestBus()));
afterAll(() => bench[Symbol.asyncDispose]());

describe.each(formats)("branches in a transcript of %s", (name, recordsOf) => {
  const prefix = name.endsWith("message") ? "m" : "t";
  let conversations = 0;

  /** Turns by their number; with `behind` and `instead` the parent, and what is superseded. */
  async function talk(...turns: readonly { behind?: string; instead?: string }[]) {
    const conversation_id = `${prefix}${++conversations}`;
    for (const [at, { behind, instead }] of turns.entries()) {
      const parent = behind === "none" ? "-" : behind;
      const place = { place: at + 1, queued_at: at + 1 };
      const more = { conversation_id, ...place, ...(parent && { parent }), ...(instead && { supersedes: instead }) };
      const records: [NewTurnRecord, ...NewTurnRecord[]] = recordsOf(`t${at}`, more);
      await bench.bus.transcripts.append(...records);
    }
    return conversation_id;
  }
  const plain = (count: number) => Array.from({ length: count }, () => ({}));
  const idsOf = (turns: readonly { turn_id: string }[] = []): string[] => turns.map(({ turn_id }) => turn_id);

  it("are read along the newest one, along another one, and to a turn", async () => {
    const { transcripts } = bench.bus;
    const id = await talk({}, {}, {}, { behind: "t0", instead: "t1" }, {}, { behind: "t2" });
    const path = async (query: object) => idsOf((await transcripts.path(id, { limit: 20, ...query }))?.turns);
    expect(await path({})).toEqual(["t0", "t1", "t2", "t5"]);
    expect(await path({ through: "t3" })).toEqual(["t0", "t3", "t4"]);
    expect(await path({ leaf: "t3" })).toEqual(["t0", "t3"]);
    expect(await path({ asOf: { place: 4, queued_at: 4 } })).toEqual(["t0", "t3"]);
    expect(await transcripts.path(id, { limit: 20, leaf: "nobody" })).toBeUndefined();
    const questions = (await transcripts.path(id, { limit: 20 }))?.turns.map(({ question }) => question);
    expect(questions?.map((question) => question?.parent)).toEqual([null, "t0", "t1", "t2"]);
    expect(questions?.map((question) => question?.siblings)).toEqual([undefined, ["t1", "t3"], undefined, undefined]);
    expect(await transcripts.placeOf(id, "t3")).toMatchObject({ parent: "t0", turn: { turn_id: "t3" } });
    expect(await transcripts.placeOf(id, "t0")).toMatchObject({ parent: null });
    expect(await transcripts.placeOf(id, "nobody")).toBeUndefined();
  });

  it("are read page by page, each turn of the path once, with all its siblings", async () => {
    const { transcripts } = bench.bus;
    const id = await talk(...plain(70), { behind: "t2", instead: "t3" }, ...plain(60), { behind: "t69" });
    const read: string[] = [];
    const siblings: (string[] | undefined)[] = [];
    for (let next: { before: number; leaf?: string } = { before: 0 }; ;) {
      const page = await transcripts.path(id, { limit: 14, ...next });
      if (page === undefined) throw new Error("a page");
      read.unshift(...idsOf(page.turns));
      siblings.unshift(...page.turns.map(({ question }) => question?.siblings));
      if (page.before === 0) break;
      next = page;
    }
    expect(read).toEqual([...Array.from({ length: 70 }, (_, at) => `t${at}`), "t131"]);
    expect(siblings.flatMap((some, at) => (some === undefined ? [] : [[read[at], some]]))).toEqual([
      ["t3", ["t3", "t70"]],
    ]);
  });

  it("begin anew where the first message was changed, and what was there is another branch", async () => {
    const { transcripts } = bench.bus;
    const id = await talk({}, {}, { behind: "none", instead: "t0" }, {});
    expect(idsOf((await transcripts.path(id, { limit: 20 }))?.turns)).toEqual(["t2", "t3"]);
    expect(await transcripts.path(id, { limit: 20 })).toMatchObject({ before: 0 });
    expect(idsOf((await transcripts.path(id, { limit: 20, through: "t0" }))?.turns)).toEqual(["t0", "t1"]);
  });

  it("are the tail where there are none", async () => {
    const { transcripts } = bench.bus;
    const id = await talk(...plain(30));
    expect(await transcripts.path(id, { limit: 10 })).toEqual(await transcripts.tail(id, { limit: 10 }));
    const { before } = await transcripts.tail(id, { limit: 10 });
    const query = { limit: 10, before };
    expect(await transcripts.path(id, query)).toEqual(await transcripts.tail(id, query));
    expect(messagesOf((await transcripts.path(id, query))?.turns ?? []).some((one) => "parent" in one)).toBe(false);
  });
});

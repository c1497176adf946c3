import { shardOf, streams, subjects } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { startNats } from "@parley/testkit";
import { expect, it } from "vitest";
import { openBus } from "../src/bus.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const found = () => Promise.resolve({ agent: "general" });

function said(conversation: string, rating: "up" | "down" | null = "up") {
  return { message_id: `${conversation}-a`, turn_id: conversation, user_id: "ann", rating };
}

it("is read in pages over all shards, and from the last place on what has changed since, in whichever shard", async () => {
  await using nats = await startNats();
  const bus = await openBus({ servers: nats.url, name: "test", shards: 3, log });
  const conversations = Array.from({ length: 9 }, (_, i) => `c${i}`);
  expect(new Set(conversations.map((one) => shardOf(one, 3))).size).toBe(3);
  for (const one of conversations) await bus.feedback.give(one, said(one), found);
  const seen: string[] = [];
  let page = await bus.feedback.page({ after: [], limit: 2 });
  for (;;) {
    seen.push(...page.records.map(({ conversation_id }) => conversation_id));
    if (page.isLast) break;
    page = await bus.feedback.page({ after: page.end, limit: 2 });
  }
  expect(seen.toSorted()).toEqual(conversations);
  for (const one of ["c0", "c1", "c2"]) await bus.feedback.give(one, said(one, "down"), found);
  const { records } = await bus.feedback.page({ after: page.end, limit: 100 });
  expect(records.map(({ conversation_id }) => conversation_id).toSorted()).toEqual(["c0", "c1", "c2"]);
  expect(records.every(({ entries }) => entries?.length === 1)).toBe(true);
  await bus.close();
});

it("keeps nothing of what was said before, also of what was changed, when it is buried", async () => {
  await using nats = await startNats();
  const bus = await openBus({ servers: nats.url, name: "test", log });
  await bus.feedback.give("c1", { ...said("c1"), comment: "Secret" }, found);
  await bus.feedback.give("c1", said("c1", "down"), found);
  await bus.feedback.bury("c1");
  await bus.feedback.bury("c1");
  const query = JSON.stringify({ subjects_filter: subjects.feedback(0, "c1") });
  const info = await bus.nc.request(`$JS.API.STREAM.INFO.${streams.log(0)}`, query);
  expect(info.json<{ state: object }>().state).toMatchObject({ messages: 1 });
  expect(await bus.feedback.of("c1")).toEqual([]);
  expect(await bus.feedback.page({ after: [], limit: 10 })).toMatchObject({ records: [], isLast: true });
  await bus.close();
});

it("does not keep anybody from deleting while the log is that of the version before, which has no place for it", async () => {
  await using nats = await startNats();
  const before = await openBus({ servers: nats.url, name: "before", log });
  const { config } = await before.nc
    .request(`$JS.API.STREAM.INFO.${streams.log(0)}`)
    .then((answer) => answer.json<{ config: { subjects: string[] } }>());
  const without = { ...config, subjects: config.subjects.filter((one) => one !== subjects.allFeedback(0)) };
  await before.nc.request(`$JS.API.STREAM.UPDATE.${streams.log(0)}`, JSON.stringify(without));
  const bus = await openBus({ servers: nats.url, name: "test", log });
  await bus.conversations.purge("c1");
  expect(await bus.feedback.of("c1")).toEqual([]);
  const worker = await openBus({ servers: nats.url, name: "agent", ackWaitMs: 3_000, log });
  expect(await bus.feedback.give("c1", said("c1"), found)).toBe(true);
  await Promise.all([before, bus, worker].map(({ close }) => close()));
});

import { decodeEvent, streams, subjects, type PeopleRecord } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import { eventually, startNats, type NatsServer } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openBus, type Bus } from "../src/bus.ts";
import type { PeopleChange } from "../src/people.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
let nats: NatsServer;
let buses: readonly [Bus, Bus];
let count = 0;

beforeAll(async () => {
  nats = await startNats();
  const open = () => openBus({ servers: nats.url, name: "test", shards: 2, log });
  buses = [await open(), await open()];
});
afterAll(async () => {
  await Promise.all(buses.map((bus) => bus.close()));
  await nats[Symbol.asyncDispose]();
});

async function begun(): Promise<string> {
  const conversation = `c${++count}`;
  await buses[0].owners.claim(conversation, "olga", "acme");
  return conversation;
}

/** Makes somebody a writer, unless they are one. */
function adding(id: string) {
  return ({ members, ...people }: PeopleRecord["people"] & object): PeopleChange | undefined =>
    members.some((one) => one.id === id)
      ? undefined
      : {
          people: { ...people, members: [...members, { id, role: "writer", since: 1 }] },
          told: {
            ...{ type: "member", people: [{ id, role: "writer" }], member_count: members.length + 2 },
            ...{ answers: "mention", agents: [] },
          },
        };
}

async function eventsOf(conversation: string) {
  const { events } = buses[0];
  const subject = subjects.memberEvent(events.shardOf(conversation), conversation);
  const { lastSeq } = await events.state(events.shardOf(conversation));
  const found = await events.read(conversation, { fromSeq: 1, toSeq: lastSeq });
  return found.filter((one) => one.subject === subject).map(({ data }) => decodeEvent(data));
}

/** What is stored for these people, all of it. */
async function kept(conversation: string): Promise<number> {
  const shard = buses[0].events.shardOf(conversation);
  const query = JSON.stringify({ subjects_filter: subjects.people(shard, conversation) });
  const info = await buses[0].nc.request(`$JS.API.STREAM.INFO.${streams.log(shard)}`, query);
  const { state } = info.json<{ state: { subjects?: Record<string, number> } }>();
  return Object.values(state.subjects ?? {}).reduce((sum, one) => sum + one, 0);
}

it("begins with whoever began the conversation, and tells of each change once, in the order of the records", async () => {
  const id = await begun();
  expect(await buses[0].people.of(id)).toBeUndefined();
  await buses[0].people.change(id, adding("wim"));
  await buses[1].people.change(id, adding("wim"));
  await buses[1].people.change(id, adding("vera"));
  expect(await buses[0].people.of(id)).toMatchObject({
    ...{ n: 2, conversation_id: id },
    people: { owner: { id: "olga" }, tenant: "acme", members: [{ id: "wim" }, { id: "vera" }] },
  });
  expect(await eventsOf(id)).toMatchObject([
    { type: "member", n: 1, people: [{ id: "wim" }], conversation_id: id },
    { type: "member", n: 2, people: [{ id: "vera" }], member_count: 3 },
  ]);
  expect(await kept(id)).toBe(1);
});

it("loses none of many changes at once, from two processes", async () => {
  const id = await begun();
  const names = Array.from({ length: 20 }, (_, i) => `m${i}`);
  await Promise.all(names.map((name, i) => buses[i % 2 === 0 ? 0 : 1].people.change(id, adding(name))));
  const record = await buses[0].people.of(id);
  expect(record?.people?.members.map((one) => one.id).toSorted()).toEqual(names.toSorted());
  expect((await eventsOf(id)).map((event) => ("n" in event ? event.n : 0))).toEqual(names.map((_, i) => i + 1));
});

it("is of nobody where there is no conversation", async () => {
  await expect(buses[0].people.change("nobodys", adding("wim"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(buses[0].people.note("nobodys", "posts")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

it("notes once that there is something to look for, and tells nobody of it", async () => {
  const id = await begun();
  await Promise.all([buses[0].people.note(id, "posts"), buses[1].people.note(id, "posts")]);
  await buses[0].people.note(id, "changes");
  expect(await buses[0].people.of(id)).toMatchObject({ n: 2, people: { has: { posts: true, changes: true } } });
  expect(await eventsOf(id)).toEqual([]);
});

/** As a process that dies between a record and its event leaves it. */
async function storeUntold(conversation: string, change: PeopleChange, n: number): Promise<void> {
  const { events } = buses[0];
  const told = { ...change.told, conversation_id: conversation, n, ts: Date.now() };
  const record = {
    v: 1,
    kind: "people",
    conversation_id: conversation,
    n,
    people: change.people,
    told,
    ts: Date.now(),
  };
  const subject = subjects.people(events.shardOf(conversation), conversation);
  const last = await buses[0].nc
    .request(
      `$JS.API.STREAM.MSG.GET.${streams.log(events.shardOf(conversation))}`,
      JSON.stringify({ last_by_subj: subject }),
    )
    .then((answer) => answer.json<{ message?: { seq: number } }>());
  const data = Buffer.from(JSON.stringify(record));
  expect(await events.append({ subject, data, expect: last.message?.seq ?? 0 })).toMatchObject({ kind: "stored" });
}

it("tells of a change whose process died before it told: before the next one, or when somebody follows", async () => {
  const id = await begun();
  const first = await buses[0].people.change(id, adding("wim"));
  const people = first?.people;
  if (people === undefined) throw new Error("nobody was added");
  const follower = buses[1].people.follow();
  await follower.step();
  await storeUntold(id, adding("vera")(people) ?? { people }, 2);
  await buses[1].people.change(id, adding("rita"));
  const ns = async (): Promise<number[]> => (await eventsOf(id)).map((event) => ("n" in event ? event.n : 0));
  expect(await ns()).toEqual([1, 2, 3]);
  const third = await buses[0].people.of(id);
  if (third?.people === undefined) throw new Error("nobody is there");
  await storeUntold(id, adding("nora")(third.people) ?? { people }, 4);
  await eventually(
    async () => {
      await follower.step();
      return (await ns()).length === 4;
    },
    { what: "the event of a record that somebody followed", timeoutMs: 10_000 },
  );
});

it("gives who follows what was changed since, in all shards, once, and nothing from before", async () => {
  const [one, other] = [await begun(), await begun()];
  await buses[0].people.change(one, adding("wim"));
  const follower = buses[1].people.follow();
  expect(await follower.step()).toEqual({ found: [], isWhole: true, isAnew: true });
  await buses[0].people.change(one, adding("vera"));
  await buses[0].people.change(other, adding("wim"));
  const { found, isAnew } = await follower.step();
  expect([found.map(({ conversation }) => conversation).toSorted(), isAnew]).toEqual([[one, other].toSorted(), false]);
  expect(await follower.step()).toMatchObject({ found: [], isWhole: true });
});

it("is buried with its conversation: nothing of it is kept, and a change that was on its way is refused", async () => {
  const id = await begun();
  await buses[0].people.change(id, adding("wim"));
  await buses[0].conversations.purge(id);
  await buses[1].conversations.purge(id);
  expect(await kept(id)).toBe(1);
  const record = await buses[0].people.of(id);
  expect([record?.n, record?.people, record?.told]).toEqual([2, undefined, undefined]);
  await expect(buses[0].people.change(id, adding("vera"))).rejects.toMatchObject({ code: "NOT_FOUND" });
});

it("knows the time by the broker's clock", async () => {
  const before = Date.now();
  const now = await buses[0].people.nowMs();
  expect(now).toBeGreaterThan(before - 1_000);
  expect(now).toBeLessThan(Date.now() + 1_000);
  expect(await buses[0].people.nowMs()).toBeGreaterThanOrEqual(now);
});

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { connectRedis } from "@parley/bus";
import { streams, type ToolArguments, type ToolJob } from "@parley/protocol";
import { createLogger } from "@parley/runtime";
import {
  type Broker,
  eventually,
  startNats,
  startRedis,
  startService,
  tempDir,
  type NatsServer,
  type Service,
} from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { addDays, localOf } from "../../src/tools/workshop/local-time.ts";
import { type Agent, startAgent } from "../support/agent.ts";

const plant = pathToFileURL(path.resolve(import.meta.dirname, "../../../../test/chaos/planted/plant.mjs")).href;

let nats: NatsServer;
let redis: Broker;
let agent: Agent;
let folder: Awaited<ReturnType<typeof tempDir>>;
const workers: Service[] = [];
let turns = 0;
let days = 3;

const everyDay = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
  .map((day) => `${day}: ["08:00-12:00"]`)
  .join(", ");
const workshop = `name: Test workshop
time_zone: Europe/Berlin
currency: EUR
slot_minutes: 60
bays: 1
horizon_days: 200
open_bookings: 3
opening_hours: { ${everyDay} }
services: [{ id: brakes, name: Brake service, minutes: 60, price: 239 }]
`;

beforeAll(async () => {
  [nats, redis, folder] = await Promise.all([startNats(), startRedis({ persist: false }), tempDir()]);
  const file = (name: string): string => path.join(folder.path, name);
  await writeFile(file("workshop.yaml"), workshop);
  await writeFile(file("allowed.yaml"), "rules: [{ system: workshop, verdict: allow }]");
  agent = await startAgent(nats, redis);
  workers.push(await startWorker(), await startWorker());
}, 60_000);

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  await agent[Symbol.asyncDispose]();
  await Promise.all([nats, redis, folder].map((resource) => resource[Symbol.asyncDispose]()));
});

const startWorker = (env: Record<string, string> = {}): Promise<Service> =>
  startService("tool-worker", {
    ...{ NATS_URL: nats.url, REDIS_URL: redis.url, WORKSHOP_FILE: path.join(folder.path, "workshop.yaml") },
    ...{ LOCK_MS: "4000", STALLED_CHECK_MS: "500", CONCURRENCY: "4" },
    TOOL_POLICY_FILE: path.join(folder.path, "allowed.yaml"),
    ...env,
  });

interface Who {
  readonly user: string;
  readonly tenant?: string;
}

const jobOf = ({ user, tenant }: Who, tool: string, args: ToolArguments = {}): ToolJob => ({
  ...agent.job(`t${turns++}-0-0`, tool, args),
  user: { id: user },
  caller: { roles: [], ...(tenant === undefined ? {} : { tenant }) },
});
const ask = async (who: Who, tool: string, args: ToolArguments = {}): Promise<string> =>
  (await agent.call(jobOf(who, tool, args))).result;
/** Of each test another day, so that none takes what another one wants. */
const newDay = (): string => addDays(localOf(Date.now(), "Europe/Berlin").date, days++);
const at = (date: string, time = "08:00"): ToolArguments => ({ service: "brakes", date, time });
const listed = (who: Who): Promise<string> => ask(who, "workshop_list");
const countOf = (text: string, part: string): number => text.split(part).length - 1;

it("what is booked is listed, not free any more, and free again when it is cancelled", async () => {
  const [anna, ben, date] = [{ user: "anna" }, { user: "ben" }, newDay()];
  const booked = await ask(anna, "workshop_book", { ...at(date), vehicle: "B-XY 123" });
  expect(booked).toMatch(
    /^Booked: \w+ [\d-]+ 08:00: Brake service, 60 minutes, B-XY 123, 239 EUR, booking B-[0-9A-Z]{8}\./,
  );
  const [id = ""] = /B-[0-9A-Z]{8}/.exec(booked) ?? [];
  expect(await listed(anna)).toContain(id);
  expect(await listed(ben)).toBe("There are no appointments still to come.");
  expect(await ask(ben, "workshop_slots", { service: "brakes", day: date })).toContain(`${date}: 09:00, 10:00, 11:00`);
  expect(await ask(ben, "workshop_cancel", { booking: id })).toBe("There are no appointments to cancel.");
  expect(await ask(anna, "workshop_cancel", {})).toBe(
    `Cancelled: ${id} (Brake service, ${/\w+day [\d-]+/.exec(booked)?.[0]} 08:00).`,
  );
  expect(await listed(anna)).toBe("There are no appointments still to come.");
  expect(await ask(ben, "workshop_slots", { service: "brakes", day: date })).toContain(`${date}: 08:00, 09:00`);
});

it("P5: of two who book one time at the same moment one gets it, and the others read what is free", async () => {
  const date = newDay();
  const jobs = Array.from({ length: 8 }, (_, index) => jobOf({ user: `racer-${index}` }, "workshop_book", at(date)));
  const ends = await Promise.all(jobs.map((job) => agent.call(job)));
  expect(ends.filter(({ status }) => status === "completed")).toHaveLength(1);
  const others = ends.filter(({ status }) => status !== "completed");
  for (const { result } of others)
    expect(result).toMatch(/08:00 is not free for Brake service .* The next free times: \w+ [\d-]+ 09:00/);
});

it("P5: parallel bookings of one day all count: nobody's is written over", async () => {
  const date = newDay();
  const times = ["08:00", "09:00", "10:00", "11:00"];
  const jobs = times.map((time) => jobOf({ user: `early-${time}` }, "workshop_book", at(date, time)));
  const ends = await Promise.all(jobs.map((job) => agent.call(job)));
  expect(ends.map(({ status }) => status)).toEqual(times.map(() => "completed"));
  for (const time of times) expect(await listed({ user: `early-${time}` })).toContain(`${date} ${time}`);
});

it("P9: tenants never meet: each has a diary of its own, also for the same user", async () => {
  const date = newDay();
  const [one, other] = [
    { user: "cleo", tenant: "north" },
    { user: "cleo", tenant: "south" },
  ];
  expect(await ask(one, "workshop_book", at(date))).toContain("Booked");
  expect(await ask(other, "workshop_book", at(date))).toContain("Booked");
  expect(countOf(await listed(one), "booking B-")).toBe(1);
  expect(await listed({ user: "cleo" })).toContain("no appointments");
});

it("Redis that has lost everything has it again before anybody reads", async () => {
  const [who, date] = [{ user: "emil", tenant: "north" }, newDay()];
  await ask(who, "workshop_book", at(date));
  const before = await listed(who);
  const log = createLogger({ service: "test", level: "silent", format: "json" });
  const client = connectRedis({ url: redis.url, role: "worker", log });
  // Calls that wait in it are added again by their agents: here none does.
  await client.flushall();
  expect(await listed(who)).toBe(before);
  expect(await client.get("parley:{workshop}:at")).toMatch(/^[0-9a-f-]{36} \d+$/);
  expect(await ask(who, "workshop_slots", { service: "brakes", day: date })).toContain(`${date}: 09:00`);
  client.disconnect();
});

it("a diary that is lost and made again is not mixed with what Redis has of the old one", async () => {
  const who = { user: "frida" };
  await ask(who, "workshop_book", at(newDay()));
  await agent.bus.nc.request(`$JS.API.STREAM.DELETE.${streams.workshop}`, "");
  expect(await listed(who)).toBe("There are no appointments still to come.");
  const date = newDay();
  expect(await ask(who, "workshop_book", at(date))).toContain("Booked");
  expect(countOf(await listed(who), "booking B-")).toBe(1);
});

it.each([
  ["before a booking", 0],
  ["after a booking", 1],
])(
  "P5: a worker that dies %s has told nothing untrue, and the list says what is there",
  { timeout: 60_000 },
  async (when, times) => {
    const who = { user: `gina-${times}` };
    // Only the one that dies is there to take the call.
    await Promise.all(workers.splice(0).map((worker) => worker[Symbol.asyncDispose]()));
    const dying = await startWorker({
      NODE_OPTIONS: `--import=${plant}`,
      PARLEY_PLANTED_FAULT: `tool worker dies ${when}`,
    });
    const job = jobOf(who, "workshop_book", at(newDay()));
    await agent.add(job);
    await dying.exited;
    workers.push(await startWorker(), await startWorker());
    expect(await agent.call(job)).toMatchObject({ status: "unknown" });
    expect(countOf(await listed(who), "booking B-")).toBe(times);
  },
);

it("P11: nothing is booked before a person has agreed, and nothing when they do not", { timeout: 60_000 }, async () => {
  await Promise.all(workers.splice(0).map((worker) => worker[Symbol.asyncDispose]()));
  await writeFile(path.join(folder.path, "asks.yaml"), "{}");
  workers.push(await startWorker({ TOOL_POLICY_FILE: path.join(folder.path, "asks.yaml") }));
  const [who, date] = [{ user: "hugo" }, newDay()];
  const [agreed, denied] = [jobOf(who, "workshop_book", at(date)), jobOf(who, "workshop_book", at(date, "09:00"))];
  for (const job of [agreed, denied]) await agent.add(job);
  expect(await agent.asked(agreed)).toMatchObject({
    summary: expect.stringMatching(/^Books Brake service on \w+ [\d-]+ at 08:00 for Aurora 2 at Test workshop\.$/),
    preview: {
      kind: "diff",
      text: expect.stringMatching(/^\+\w+ [\d-]+ 08:00: Brake service, 60 minutes, Aurora 2, 239 EUR/),
    },
  });
  expect(await listed(who)).toContain("no appointments");
  await agent.decide(denied, { approved: false });
  await agent.decide(agreed, { approved: true });
  await agent.go(denied);
  await Promise.all([agent.go(agreed), agent.go(agreed)]);
  expect(await agent.result(agreed)).toMatchObject({ status: "completed", result: expect.stringContaining("Booked") });
  await eventually(async () => (await agent.queue.counts()).active === 0, { what: "an idle worker" });
  const now = await listed(who);
  expect(now).toContain(`${date} 08:00`);
  expect(countOf(now, "booking B-")).toBe(1);
});

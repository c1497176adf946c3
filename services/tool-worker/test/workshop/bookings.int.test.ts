import { connectRedis, openBus, openWorkshopLog, type Bus, type WorkshopLog } from "@parley/bus";
import { createLogger } from "@parley/runtime";
import { eventually, signedIn, startNats, startRedis, type Broker, type NatsServer } from "@parley/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ToolContext } from "../../src/tools/tool.ts";
import type { Wanted } from "../../src/tools/workshop/appointments.ts";
import { createBookings, type BookingsDeps } from "../../src/tools/workshop/bookings.ts";
import { addDays, localOf } from "../../src/tools/workshop/local-time.ts";
import { createReadModel } from "../../src/tools/workshop/read-model.ts";
import { parseWorkshop } from "../../src/tools/workshop/workshop-file.ts";

const logger = createLogger({ service: "test", level: "silent", format: "json" });
const everyDay = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const workshop = parseWorkshop(
  "w.yaml",
  `name: Test
time_zone: Europe/Berlin
currency: EUR
slot_minutes: 60
bays: 1
horizon_days: 300
open_bookings: 2
opening_hours: { ${everyDay.map((day) => `${day}: ["08:00-12:00"]`).join(", ")} }
services: [{ id: oil, name: Oil service, minutes: 60, price: 1 }]
`,
);

let nats: NatsServer;
let redis: Broker;
let bus: Bus;
let log: WorkshopLog;
let cache: ReturnType<typeof connectRedis>;
let calls = 0;
let days = 2;

beforeAll(async () => {
  [nats, redis] = await Promise.all([startNats(), startRedis({ persist: false })]);
  bus = await openBus({ servers: nats.url, name: "test", log: logger });
  log = await openWorkshopLog(bus, 1);
  cache = connectRedis({ url: signedIn(redis.url, "tool"), role: "cache", log: logger });
  await eventually(() => cache.status === "ready", { what: "Redis" });
});

afterAll(async () => {
  cache.disconnect();
  await bus.close();
  await Promise.all([nats, redis].map((broker) => broker[Symbol.asyncDispose]()));
});

/** One worker. */
const open = (own: Partial<Pick<BookingsDeps, "log">> = {}) => {
  const deps = { workshop, log, ...own };
  return createBookings({ ...deps, readModel: createReadModel({ log, redis: cache, texts: bus.texts, logger }) });
};
const contextOf = (user: string, callId = `t${calls++}-0-0`): ToolContext => ({
  ...{ callId, user: { id: user }, signal: new AbortController().signal, progress: () => {} },
});
const wanted = (date = addDays(localOf(Date.now(), "Europe/Berlin").date, days++), time = "08:00"): Wanted => ({
  ...{ service: workshop.services[0]!, date, time, vehicle: "Aurora 2" },
});

it("P5: a call books once and cancels once, whoever runs it and however often", async () => {
  const [one, other] = [open(), open()];
  const [booking, cancelling] = [contextOf("anna"), contextOf("anna")];
  const what = wanted();
  const made = await Promise.all([one.book(booking, what), other.book(booking, what), one.book(booking, what)]);
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  expect(await other.upcoming(booking)).toHaveLength(1);
  const ended = await Promise.all([one.cancel(cancelling, undefined), other.cancel(cancelling, made[0]!.id)]);
  expect(ended.map(({ id }) => id)).toEqual([made[0]!.id, made[0]!.id]);
  expect(await one.cancel(cancelling, undefined)).toMatchObject({ id: made[0]!.id });
  await expect(one.cancel(contextOf("anna"), made[0]!.id)).rejects.toThrow("There are no appointments to cancel.");
  expect(await one.upcoming(booking)).toEqual([]);
});

it("what is booked without anybody's being asked keeps to the rules as well", async () => {
  const bookings = open();
  const far = addDays(localOf(Date.now(), "Europe/Berlin").date, 301);
  await expect(bookings.book(contextOf("ben"), wanted(far))).rejects.toThrow("not among these days");
  await expect(bookings.book(contextOf("ben"), wanted("2020-01-07"))).rejects.toThrow("not among these days");
  await expect(bookings.book(contextOf("ben"), wanted(undefined, "12:00"))).rejects.toThrow("is not free");
  await expect(bookings.book(contextOf("ben"), wanted(undefined, "08:30"))).rejects.toThrow("is not free");
  for (let n = 0; n < 2; n++) await bookings.book(contextOf("ben"), wanted());
  await expect(bookings.book(contextOf("ben"), wanted())).rejects.toThrow("There are 2 appointments still to come");
});

it("P5: a broker that stores without an answer is asked again, and one that says nothing leaves it unknown", async () => {
  const silent = (after: () => Promise<unknown>): WorkshopLog => ({
    ...log,
    put: async (...given) => {
      await log.put(...given);
      await after();
      throw new Error("no answer");
    },
  });
  const cleo = contextOf("cleo");
  expect(await open({ log: silent(async () => {}) }).book(cleo, wanted())).toMatchObject({ call_id: cleo.callId });
  expect(await open().upcoming(cleo)).toHaveLength(1);

  let isAway = false;
  const away: WorkshopLog = {
    ...silent(async () => void (isAway = true)),
    last: (...given) => (isAway ? Promise.reject(new Error("away")) : log.last(...given)),
  };
  await expect(open({ log: away }).book(contextOf("dora"), wanted())).rejects.toThrow("did not answer");
  const never: WorkshopLog = { ...log, last: () => Promise.reject(new Error("away")) };
  await expect(open({ log: never }).book(contextOf("dora"), wanted())).rejects.toThrow("nothing was changed");
});

it("Redis that is emptied while it is read has all of it in the end, for all who read", async () => {
  const bookings = open();
  await Promise.all(Array.from({ length: 30 }, (_, n) => bookings.book(contextOf(`emil-${n}`), wanted())));
  const readers = Array.from({ length: 4 }, () => open());
  const seen = await Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      if (n % 10 === 3) await cache.del("parley:{workshop}:at");
      return readers[n % 4]!.upcoming(contextOf(`emil-${n % 30}`));
    }),
  );
  expect(seen.every((found) => found.length === 1)).toBe(true);
});

it("a day that a newer version wrote is not written over", async () => {
  const what = wanted();
  await log.put({ tenant: "_", date: what.date }, Buffer.from('{"v":2}'), 0);
  await expect(open().book(contextOf("frida"), what)).rejects.toThrow("newer version");
});

it("of many bookings of one person at one moment, by several workers, as many are done as may be", async () => {
  const workers = [open(), open(), open()];
  const ask = async (user: string, nth: number) => workers[nth % 3]!.book(contextOf(user), wanted());
  const tried = await Promise.allSettled(Array.from({ length: 9 }, (_, nth) => ask("vera", nth)));
  const refused = tried.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
  expect(tried.length - refused.length).toBe(2);
  for (const reason of refused) expect(reason).toContain("2 is the most that one person can have");
  const [first] = await workers[0]!.upcoming(contextOf("vera"));
  // What is cancelled, or came to nothing, leaves its place to others at once.
  await workers[1]!.cancel(contextOf("vera"), first!.id);
  const other = (await workers[0]!.upcoming(contextOf("vera")))[0]!;
  await expect(workers[2]!.book(contextOf("vera"), wanted(other.date, other.time))).rejects.toThrow("is not free");
  expect(await ask("vera", 1)).toMatchObject({ user: "vera" });
  await expect(ask("vera", 2)).rejects.toThrow("2 is the most");
});

it("a call that was killed between its word and its booking books when it comes again", async () => {
  const call = contextOf("wim");
  const what = wanted();
  const cut = { ...log, put: () => Promise.reject(new Error("killed")) };
  const signal = AbortSignal.timeout(100);
  await expect(open({ log: cut }).book({ ...call, signal }, what)).rejects.toThrow();
  expect(await open().book(call, what)).toMatchObject({ call_id: call.callId });
  await open().book(contextOf("wim"), wanted());
  await expect(open().book(contextOf("wim"), wanted())).rejects.toThrow("2 is the most");
});

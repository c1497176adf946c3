import { expect, it } from "vitest";
import {
  bookingIdOf,
  emptyDay,
  freeSlots,
  readDayRecord,
  tenantToken,
  withBooking,
  withCancelled,
  type Booking,
  type DayRecord,
} from "../../src/tools/workshop/diary.ts";
import { findService, loadWorkshop, parseWorkshop } from "../../src/tools/workshop/workshop-file.ts";

const tuesday = "2026-12-01";
const workshop = parseWorkshop(
  "w.yaml",
  `name: Test
time_zone: Europe/Berlin
currency: EUR
slot_minutes: 30
bays: 2
horizon_days: 60
opening_hours: { tuesday: ["08:00-10:00", "13:00-14:00"] }
closed: ["2026-12-08"]
services: [{ id: brakes, name: Brake service, words: [brake pads], minutes: 90, price: 1 }, { id: oil, name: Oil, minutes: 60, price: 1 }]
`,
);
const service = (minutes: number) => ({ minutes });
const timesOn = (date: string, minutes: number, day = emptyDay, fromMs = 0): string[] =>
  freeSlots({ workshop, service: service(minutes), date }, day, fromMs).map(({ time, bay }) => `${time}/${bay}`);

let calls = 0;
const booking = (time: string, minutes: number, bay: number): Booking => ({
  ...{ id: `B-${calls}`, call_id: `t${calls++}-0-0`, user: "u1", service: "oil", title: "Oil", date: tuesday, time },
  ...{ minutes, bay, price: 1, currency: "EUR", vehicle: "Aurora 2", booked_ms: 1 },
});
const dayOf = (...bookings: Booking[]): DayRecord => ({ v: 1, bookings });

it("a service begins where it ends before the workshop closes", () => {
  expect(timesOn(tuesday, 90)).toEqual(["08:00/1", "08:30/1"]);
  expect(timesOn(tuesday, 60)).toEqual(["08:00/1", "08:30/1", "09:00/1", "13:00/1"]);
  expect(timesOn("2026-12-02", 30)).toEqual([]);
  expect(timesOn("2026-12-08", 30)).toEqual([]);
});

it("nothing begins before the time from which people can book", () => {
  expect(timesOn(tuesday, 60, emptyDay, Date.parse("2026-12-01T08:00:00Z"))).toEqual(["09:00/1", "13:00/1"]);
});

it("a bay that is taken for a part of the time is taken", () => {
  const day = dayOf(booking("08:30", 60, 1));
  expect(timesOn(tuesday, 60, day)).toEqual(["08:00/2", "08:30/2", "09:00/2", "13:00/1"]);
  const both = dayOf(booking("08:30", 60, 1), booking("08:30", 30, 2));
  expect(timesOn(tuesday, 60, both)).toEqual(["09:00/2", "13:00/1"]);
});

it("what was taken back is free again", () => {
  const one = booking("13:00", 60, 1);
  const day = dayOf(one, booking("13:00", 60, 2));
  expect(timesOn(tuesday, 60, day)).not.toContain("13:00/1");
  expect(timesOn(tuesday, 60, withCancelled(day, one.id, { call_id: "t9", ms: 2 }))).toContain("13:00/1");
});

it("P7: a day has an end: what was taken back first makes room, and nothing else does", () => {
  const taken = { ...booking("08:00", 30, 1), cancelled: { call_id: "t9", ms: 2 } };
  const full = dayOf(taken, ...Array.from({ length: 199 }, () => booking("08:00", 30, 1)));
  const next = withBooking(full, booking("09:00", 30, 1));
  expect(next?.bookings).toHaveLength(200);
  expect(next?.bookings).not.toContain(taken);
  expect(next && withBooking(next, booking("09:00", 30, 1))).toBeUndefined();
});

it("what a newer version has added stays when this one writes the day again", () => {
  const text = JSON.stringify({ v: 1, weather: "fine", bookings: [{ ...booking("08:00", 30, 1), colour: "red" }] });
  expect(JSON.parse(JSON.stringify(readDayRecord(Buffer.from(text))))).toEqual(JSON.parse(text));
  expect(readDayRecord(Buffer.from('{"v":2,"bookings":[]}'))).toBeUndefined();
});

it("P9: an appointment's id says nothing of its call, and those of tenants are apart", () => {
  expect(bookingIdOf("_", "t1-0-0")).toMatch(/^B-[0-9A-Z]{8}$/);
  expect(bookingIdOf("_", "t1-0-0")).not.toBe(bookingIdOf("other", "t1-0-0"));
  expect(tenantToken("a.b > *")).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

it("a service is found by the longest of its names in what was said", async () => {
  const shipped = await loadWorkshop(undefined);
  const found = (text: string): string | undefined => shipped && findService(shipped, text)?.id;
  expect(
    ["Brake service", "brakes", "the brake fluid", "Ölwechsel", "winter tyres, please", "paint"].map(found),
  ).toEqual([...["brakes", "brakes", "brake-fluid", "oil", "tyres"], undefined]);
});

it("mistakes in the file are told with their lines", () => {
  const text = `name: Test
time_zone: Europe/Nowhere
currency: EUR
slot_minutes: 30
bays: 0
horizon_days: 60
opening_hours: { tuesday: ["10:00-08:00"], someday: [] }
closed: ["2026-02-30"]
services: [{ id: oil, name: Oil, minutes: 60, price: 1 }, { id: more, name: OIL, minutes: 60, price: 1 }]
`;
  const mistakes = (given: string): string => {
    try {
      return parseWorkshop("w.yaml", given).name;
    } catch (error) {
      return String(error);
    }
  };
  const told = mistakes(text);
  for (const place of ["w.yaml:2: time_zone must be a time zone", "w.yaml:5: bays", "w.yaml:7:", "w.yaml:8: closed.0"])
    expect(told).toContain(place);
  const valid = text.replace("Nowhere", "Berlin").replace("bays: 0", "bays: 1").replace("2026-02-30", "2026-02-28");
  expect(mistakes(valid.replace(/opening_hours.*\n/, "opening_hours: {}\n"))).toContain(
    'w.yaml:9: "oil" is the name of the service oil too',
  );
});

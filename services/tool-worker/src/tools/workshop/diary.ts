import { createHash } from "node:crypto";
import { parseStored } from "@parley/protocol";
import { z } from "zod";
import { addDays, instantOf, localOf, minutesOf, timeOf, weekdayOf } from "./local-time.ts";
import type { Service, Workshop } from "./workshop-file.ts";

/** The diary of one day: what is stored, and what follows from it. Pure. */

/** Loose: what a newer version has added is written again by this one. */
const Booking = z.looseObject({
  id: z.string(),
  /** Of the call that made it: the same call makes it once. */
  call_id: z.string(),
  user: z.string(),
  service: z.string(),
  /** As it was called when it was booked. */
  title: z.string(),
  date: z.string(),
  time: z.string(),
  minutes: z.number(),
  bay: z.number(),
  price: z.number(),
  currency: z.string(),
  vehicle: z.string(),
  customer: z.string().optional(),
  booked_ms: z.number(),
  cancelled: z.looseObject({ call_id: z.string(), ms: z.number() }).optional(),
});
export type Booking = z.infer<typeof Booking>;

export const DayRecord = z.looseObject({ v: z.literal(1), bookings: z.array(Booking) });
export type DayRecord = z.infer<typeof DayRecord>;

/** Of one day, those that were taken back included; the oldest of these go first. With texts at their limits that is 200 KB. */
const mostEntries = 200;

export const emptyDay: DayRecord = { v: 1, bookings: [] };

/** Undefined: this version cannot read it, so it must not be written over. */
export function readDayRecord(data: Uint8Array): DayRecord | undefined {
  return DayRecord.safeParse(parseStored(data)).data;
}

/** A tenant in subjects and keys: one token whatever the name holds. No hash is `_`. */
export function tenantToken(tenant: string | undefined): string {
  return tenant === undefined ? "_" : createHash("sha256").update(tenant).digest("base64url");
}

/** Short enough to be said, and always the same of one call. */
export function bookingIdOf(tenant: string, callId: string): string {
  const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const bytes = createHash("sha256").update(`${tenant} ${callId}`).digest().subarray(0, 8);
  return `B-${[...bytes].map((byte) => letters[byte % letters.length]).join("")}`;
}

export interface Slot {
  readonly time: string;
  readonly bay: number;
}

interface Asked {
  readonly workshop: Workshop;
  readonly service: Pick<Service, "minutes">;
  readonly date: string;
}

/** All times of the day at which the service can begin, with the first bay that is free then. `fromMs`: nothing before it. */
export function freeSlots({ workshop, service, date }: Asked, day: DayRecord, fromMs: number): Slot[] {
  if (workshop.closed.includes(date)) return [];
  const { time_zone: zone, slot_minutes: step, bays } = workshop;
  return (workshop.opening_hours[weekdayOf(date)] ?? []).flatMap(({ from, to }) => {
    const slots: Slot[] = [];
    for (let at = Math.ceil(from / step) * step; at + service.minutes <= to; at += step) {
      if (instantOf({ date, time: timeOf(at) }, zone) < fromMs) continue;
      const bay = firstFreeBay(day, bays, { at, minutes: service.minutes });
      if (bay !== undefined) slots.push({ time: timeOf(at), bay });
    }
    return slots;
  });
}

function firstFreeBay(
  { bookings }: DayRecord,
  bays: number,
  { at, minutes }: { readonly at: number; readonly minutes: number },
): number | undefined {
  const taken = new Set(
    bookings
      .filter(({ cancelled }) => cancelled === undefined)
      .filter(({ time, minutes: long }) => minutesOf(time) < at + minutes && at < minutesOf(time) + long)
      .map(({ bay }) => bay),
  );
  for (let bay = 1; bay <= bays; bay++) if (!taken.has(bay)) return bay;
  return undefined;
}

/** The days on which people can book: from today on, as far as the workshop looks ahead. */
export function bookableDays({ time_zone, horizon_days }: Workshop, nowMs: number): string[] {
  const { date } = localOf(nowMs, time_zone);
  return Array.from({ length: horizon_days + 1 }, (_, days) => addDays(date, days));
}

/** With one booking more. Where the list is full, what was taken back first goes; undefined: there is no room. */
export function withBooking(day: DayRecord, booking: Booking): DayRecord | undefined {
  const bookings = [...day.bookings];
  if (bookings.length >= mostEntries) {
    const oldest = bookings.findIndex(({ cancelled }) => cancelled !== undefined);
    if (oldest < 0) return undefined;
    bookings.splice(oldest, 1);
  }
  return { ...day, bookings: [...bookings, booking] };
}

export function withCancelled(day: DayRecord, id: string, cancelled: NonNullable<Booking["cancelled"]>): DayRecord {
  return { ...day, bookings: day.bookings.map((one) => (one.id === id ? { ...one, cancelled } : one)) };
}

export function beginsMs({ date, time }: Pick<Booking, "date" | "time">, { time_zone }: Workshop): number {
  return instantOf({ date, time }, time_zone);
}

/** Days are `YYYY-MM-DD` and times `HH:MM`, both of the workshop's time zone; instants are ms since 1970. */

const dayMs = 86_400_000;
const minuteMs = 60_000;

export const weekdays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
export type Weekday = (typeof weekdays)[number];
/** In the other language that the simulated model is asked in. */
const german = ["sonntag", "montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag"];

export interface LocalTime {
  readonly date: string;
  readonly time: string;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Whether there is such a day: the 30th of February is none. */
export function isDate(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text);
}

export function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

export function timeOf(minutes: number): string {
  const two = (count: number): string => String(count).padStart(2, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * dayMs).toISOString().slice(0, 10);
}

export function weekdayOf(date: string): Weekday {
  return weekdays[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? "sunday";
}

/** `Tuesday 2026-12-01`: the name for people, the date for the next call. */
export function dayName(date: string): string {
  const name = weekdayOf(date);
  return `${name.charAt(0).toUpperCase()}${name.slice(1)} ${date}`;
}

/** What the clock on the wall of that zone says. */
export function localOf(ms: number, timeZone: string): LocalTime {
  const parts = new Intl.DateTimeFormat("en-CA", {
    ...{ timeZone, hourCycle: "h23" },
    ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" },
  }).formatToParts(ms);
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((one) => one.type === type)?.value ?? "";
  return { date: `${part("year")}-${part("month")}-${part("day")}`, time: `${part("hour")}:${part("minute")}` };
}

/** When it is that time there. Of an hour that comes twice the first one; one that is skipped counts as the hour after it. */
export function instantOf({ date, time }: LocalTime, timeZone: string): number {
  const wanted = Date.parse(`${date}T${time}:00Z`);
  // The offset at a time that is wrong by the offset may be another one, on the two days of a year when the clocks change.
  const offsets = [wanted - dayMs / 2, wanted + dayMs / 2].map((ms) => offsetOf(ms, timeZone));
  const found = offsets.map((offset) => wanted - offset).filter((ms) => ms + offsetOf(ms, timeZone) === wanted);
  return Math.min(...(found.length > 0 ? found : [wanted - (offsets[0] ?? 0)]));
}

function offsetOf(ms: number, timeZone: string): number {
  const { date, time } = localOf(ms, timeZone);
  return Date.parse(`${date}T${time}:00Z`) - Math.floor(ms / minuteMs) * minuteMs;
}

/** `2026-12-01`, `today`, `tomorrow`, or the next day of that name, today included. Undefined: it is none of them. */
export function readDay(text: string, today: string): string | undefined {
  const day = text
    .trim()
    .toLowerCase()
    .replace(/^next /, "");
  if (isDate(day)) return day;
  if (["today", "heute"].includes(day)) return today;
  if (["tomorrow", "morgen"].includes(day)) return addDays(today, 1);
  const named = Math.max(
    weekdays.findIndex((name) => name === day),
    german.indexOf(day),
  );
  if (named < 0) return undefined;
  return addDays(today, (named - weekdays.indexOf(weekdayOf(today)) + 7) % 7);
}

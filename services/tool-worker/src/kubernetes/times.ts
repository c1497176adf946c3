import { ageOf } from "./age.ts";

/** A time as the API writes it; undefined for none and for what is no time. */
export function toDate(time: Date | string | undefined): Date | undefined {
  if (time === undefined) return undefined;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** How long ago, as kubectl says it. */
export function agoOf(time: string | undefined, now: Date): string {
  return ageOf(toDate(time), now);
}

/** Infinity where no time is known: what is older than any bound. */
export function msSince(time: string | undefined, now: Date): number {
  const date = toDate(time);
  return date === undefined ? Infinity : now.getTime() - date.getTime();
}

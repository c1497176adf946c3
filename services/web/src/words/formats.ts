import type { Language } from "./language.ts";

/** Times and numbers as the language writes them, in the person's own time zone. */
export interface Formats {
  /** `14:05` */
  readonly time: (atMs: number) => string;
  /** `29 November 2026` */
  readonly day: (atMs: number) => string;
  /** `Sunday, 29 November 2026 at 14:05:12`: for titles. */
  readonly full: (atMs: number) => string;
  /** As short as a list wants it: `5 min ago`, `14:05`, `Tue`, `12 Nov`, `12 Nov 2025`. */
  readonly brief: (atMs: number, nowMs: number) => string;
  readonly number: (value: number, options?: Intl.NumberFormatOptions) => string;
  /** `350 ms`, `2.4 s`, `3 min 5 s` */
  readonly duration: (ms: number) => string;
}

/** English as most of the world writes dates and hours. */
const locales: Record<Language, string> = { en: "en-GB", de: "de-DE" };

const made = new Map<Language, Formats>();

export function formatsOf(language: Language): Formats {
  let formats = made.get(language);
  if (formats === undefined) made.set(language, (formats = createFormats(locales[language])));
  return formats;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

function createFormats(locale: string): Formats {
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "long" });
  const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
  const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
  const weekday = new Intl.DateTimeFormat(locale, { weekday: "short" });
  const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
  const dateWithYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
  const number = new Intl.NumberFormat(locale);
  const seconds = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

  return {
    time: (atMs) => time.format(atMs),
    day: (atMs) => day.format(atMs),
    full: (atMs) => full.format(atMs),
    brief(atMs, nowMs) {
      // The clock of the server may be ahead of this one.
      const pastMs = Math.max(0, nowMs - atMs);
      if (pastMs < minuteMs) return ago.format(0, "second");
      if (pastMs < hourMs) return ago.format(-Math.floor(pastMs / minuteMs), "minute");
      if (pastMs < dayMs) return time.format(atMs);
      if (pastMs < 7 * dayMs) return weekday.format(atMs);
      return (isSameYear(atMs, nowMs) ? date : dateWithYear).format(atMs);
    },
    number: (value, options) =>
      options === undefined ? number.format(value) : new Intl.NumberFormat(locale, options).format(value),
    duration(ms) {
      if (ms < 1_000) return `${number.format(Math.round(ms))} ms`;
      if (ms < minuteMs) return `${seconds.format(ms / 1_000)} s`;
      const whole = Math.round(ms / 1_000);
      const minutes = Math.floor(whole / 60);
      if (minutes >= 60) return `${number.format(Math.floor(minutes / 60))} h ${minutes % 60} min`;
      return `${minutes} min ${whole % 60} s`;
    },
  };
}

function isSameYear(oneMs: number, otherMs: number): boolean {
  return new Date(oneMs).getFullYear() === new Date(otherMs).getFullYear();
}

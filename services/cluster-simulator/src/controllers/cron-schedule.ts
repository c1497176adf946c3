import { DAY_MS, MINUTE_MS } from "../durations.ts";

const NAMED: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
};
const RANGES = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** How far ahead a run is looked for: a schedule that has none within it sleeps until somebody asks again. */
const HORIZON_MS = 32 * DAY_MS;

/** The first time after `fromMs` that a schedule names, in UTC; undefined for one that names none soon or cannot be read. */
export function nextRunAfter(schedule: string, fromMs: number): number | undefined {
  const fields = (NAMED[schedule] ?? schedule).trim().split(/\s+/);
  if (fields.length !== RANGES.length) return undefined;
  const sets = fields.map((field, index) => valuesOf(field, RANGES[index] ?? [0, 0]));
  const [minutes, hours, days, months, weekdays] = sets;
  if (
    minutes === undefined ||
    hours === undefined ||
    days === undefined ||
    months === undefined ||
    weekdays === undefined
  )
    return undefined;
  const isAnyDay = fields[2] === "*";
  const isAnyWeekday = fields[4] === "*";
  for (let ms = (Math.floor(fromMs / MINUTE_MS) + 1) * MINUTE_MS; ms <= fromMs + HORIZON_MS; ms += MINUTE_MS) {
    const time = new Date(ms);
    if (!minutes.has(time.getUTCMinutes()) || !hours.has(time.getUTCHours()) || !months.has(time.getUTCMonth() + 1))
      continue;
    const isDay = days.has(time.getUTCDate());
    const isWeekday = weekdays.has(time.getUTCDay()) || (time.getUTCDay() === 0 && weekdays.has(7));
    // As cron has it: where both are restricted, either is enough.
    if (isAnyDay || isAnyWeekday ? isDay && isWeekday : isDay || isWeekday) return ms;
  }
  return undefined;
}

/** `*`, numbers, ranges and steps, joined by commas. */
function valuesOf(field: string, [least, most]: readonly [number, number]): ReadonlySet<number> | undefined {
  const values = new Set<number>();
  for (const part of field.split(",")) {
    const [, first, last, step = "1"] = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part) ?? [
      undefined,
      undefined,
      undefined,
      "",
    ];
    if (step === "" || step === "0") return undefined;
    const from = first === undefined ? least : Number(first);
    const to = first === undefined || (last === undefined && part.includes("/")) ? most : Number(last ?? first);
    for (let value = from; value <= Math.min(to, most); value += Number(step)) values.add(value);
  }
  return values;
}

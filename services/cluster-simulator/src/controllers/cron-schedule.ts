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
  const isRun = reader((NAMED[schedule] ?? schedule).trim().split(/\s+/));
  if (isRun === undefined) return undefined;
  for (let ms = (Math.floor(fromMs / MINUTE_MS) + 1) * MINUTE_MS; ms <= fromMs + HORIZON_MS; ms += MINUTE_MS)
    if (isRun(new Date(ms))) return ms;
  return undefined;
}

function reader(fields: readonly string[]): ((time: Date) => boolean) | undefined {
  const sets = RANGES.map((range, index) => valuesOf(fields[index] ?? "", range));
  if (fields.length !== RANGES.length || sets.includes(undefined)) return undefined;
  const has = (index: number, value: number): boolean => sets[index]?.has(value) === true;
  // As cron has it: where day and weekday are both restricted, either is enough.
  const isEither = fields[2] !== "*" && fields[4] !== "*";
  return (time) => {
    if (!has(0, time.getUTCMinutes()) || !has(1, time.getUTCHours()) || !has(3, time.getUTCMonth() + 1)) return false;
    const isDay = has(2, time.getUTCDate());
    const isWeekday = has(4, time.getUTCDay()) || (time.getUTCDay() === 0 && has(4, 7));
    return isEither ? isDay || isWeekday : isDay && isWeekday;
  };
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

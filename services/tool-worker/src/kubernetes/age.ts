const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** Time since `from` as kubectl says it: 45s, 3m20s, 5h, 2d4h; `-` when it is not known. */
export function ageOf(from: Date | undefined, now: Date): string {
  if (from === undefined) return "-";
  const seconds = Math.max(0, Math.floor((now.getTime() - from.getTime()) / 1_000));
  if (seconds < 2 * MINUTE_S) return `${seconds}s`;
  if (seconds < 10 * MINUTE_S) return two(seconds, MINUTE_S, "m", 1, "s");
  if (seconds < 3 * HOUR_S) return `${Math.floor(seconds / MINUTE_S)}m`;
  if (seconds < 8 * HOUR_S) return two(seconds, HOUR_S, "h", MINUTE_S, "m");
  if (seconds < 2 * DAY_S) return `${Math.floor(seconds / HOUR_S)}h`;
  if (seconds < 8 * DAY_S) return two(seconds, DAY_S, "d", HOUR_S, "h");
  return `${Math.floor(seconds / DAY_S)}d`;
}

function two(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  const first = `${Math.floor(seconds / large)}${largeName}`;
  return rest === 0 ? first : `${first}${rest}${smallName}`;
}

type Unit = readonly [name: string, seconds: number];

const SECOND: Unit = ["s", 1];
const MINUTE: Unit = ["m", 60];
const HOUR: Unit = ["h", 3_600];
const DAY: Unit = ["d", 86_400];

/** Up to which age (in seconds) which units are shown, as kubectl does it. */
const STEPS: readonly (readonly [below: number, unit: Unit, small?: Unit])[] = [
  [120, SECOND],
  [600, MINUTE, SECOND],
  [3 * 3_600, MINUTE],
  [8 * 3_600, HOUR, MINUTE],
  [48 * 3_600, HOUR],
  [8 * 86_400, DAY, HOUR],
  [Infinity, DAY],
];

/** Time since `from` as kubectl says it: 45s, 3m20s, 5h, 2d4h; `-` when it is not known. */
export function ageOf(from: Date | undefined, now: Date): string {
  if (from === undefined) return "-";
  const seconds = Math.max(0, Math.floor((now.getTime() - from.getTime()) / 1_000));
  const [, [name, size] = DAY, small] = STEPS.find(([below]) => seconds < below) ?? [];
  const first = `${Math.floor(seconds / size)}${name}`;
  if (small === undefined) return first;
  const rest = Math.floor((seconds % size) / small[1]);
  return rest === 0 ? first : `${first}${rest}${small[0]}`;
}

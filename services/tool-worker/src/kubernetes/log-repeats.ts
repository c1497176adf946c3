/** How many different lines in a row may repeat together: a stack trace that comes again and again is one thing. */
const MAX_BLOCK = 12;

/** At the beginning of a line: when it was written. It differs in lines that are the same otherwise. */
const TIME =
  /^\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?\s*|^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\s+|^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{1,6}\s+/;
/** The same within a line of JSON. */
const JSON_TIME = /"(?:time|timestamp|ts|@timestamp|t)":\s{0,3}(?:"[^"]{0,40}"|[\d.]{1,20})/;

/**
 * Joins lines, and blocks of lines, that follow each other and differ in their time only: the newest stays, with how often it came, `(x12)`. undefined is a gap and stays one.
 */
export function joinRepeats(lines: readonly (string | undefined)[]): (string | undefined)[] {
  const keys = lines.map((line) => (line === undefined ? undefined : keyOf(line)));
  const joined: (string | undefined)[] = [];
  for (let start = 0; start < lines.length;) {
    const { size, times } = repeatAt(keys, start);
    const last = start + size * (times - 1);
    const block = lines.slice(last, last + size);
    joined.push(...(times === 1 ? block : [...block.slice(0, -1), `${block.at(-1) ?? ""} ${noteOf(size, times)}`]));
    start += size * times;
  }
  return joined;
}

function noteOf(size: number, times: number): string {
  return size === 1 ? `(x${times})` : `(these ${size} lines x${times})`;
}

function keyOf(line: string): string {
  return line.replace(TIME, "").replace(JSON_TIME, "");
}

/** The block that begins here and saves the most lines; one line once if nothing repeats. */
function repeatAt(keys: readonly (string | undefined)[], start: number): { size: number; times: number } {
  let best = { size: 1, times: 1 };
  for (let size = 1; size <= MAX_BLOCK && start + 2 * size <= keys.length; size++) {
    const times = timesOf(keys, start, size);
    if (size * (times - 1) > best.size * (best.times - 1)) best = { size, times };
  }
  return best;
}

function timesOf(keys: readonly (string | undefined)[], start: number, size: number): number {
  let times = 1;
  while (isSame(keys, { start, size, next: start + times * size })) times++;
  return times;
}

function isSame(keys: readonly (string | undefined)[], at: { start: number; size: number; next: number }): boolean {
  if (at.next + at.size > keys.length) return false;
  for (let offset = 0; offset < at.size; offset++) {
    const key = keys[at.start + offset];
    if (key === undefined || key !== keys[at.next + offset]) return false;
  }
  return true;
}

/** How many different lines in a row may repeat together: a stack trace that comes again and again is one thing. */
const MAX_BLOCK = 12;

/** At the beginning of a line: when it was written. It differs in lines that are the same otherwise. */
const TIME =
  /^\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?\s*|^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\s+|^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{1,6}\s+/;
/** The same within a line of JSON. */
const JSON_TIME = /"(?:time|timestamp|ts|@timestamp|t)":\s{0,3}(?:"[^"]{0,40}"|[\d.]{1,20})/;

export interface JoinedLine {
  readonly text: string;
  /** How many lines of the log it stands for; 0: it is the mark of a gap. */
  readonly lines: number;
}

/** Where lines were left out between two that are shown. */
const GAP: JoinedLine = { text: "--", lines: 0 };

/**
 * Joins lines, and blocks of lines, that follow each other and differ in their time only: the newest stays, with how often it came, `(x12)`. undefined is a gap and stays one.
 */
export function joinRepeats(lines: readonly (string | undefined)[]): JoinedLine[] {
  const keys = lines.map((line) => (line === undefined ? undefined : keyOf(line)));
  const joined: JoinedLine[] = [];
  for (let start = 0; start < lines.length;) {
    const { size, times } = repeatAt(keys, start);
    const last = start + size * (times - 1);
    for (let at = last; at < last + size; at++) joined.push(joinedLine(lines[at], times));
    const end = joined.at(-1);
    if (times > 1 && end !== undefined)
      joined[joined.length - 1] = { ...end, text: `${end.text} ${noteOf(size, times)}` };
    start += size * times;
  }
  return joined;
}

function joinedLine(line: string | undefined, times: number): JoinedLine {
  return line === undefined ? GAP : { text: line, lines: times };
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
  // Empty lines are what they look like.
  if (keys[start]?.trim() === "") return best;
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

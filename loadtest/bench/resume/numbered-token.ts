const digits = 4;
const radix = 36;

// A blank and its number.
const tokenLength = digits + 1;

/** The n-th token of a turn: what is lost or repeated shows in the text itself. */
export function numberedToken(n: number): string {
  return ` ${n.toString(radix).padStart(digits, "0")}`;
}

/** How many tokens the text has when it is the tokens 0, 1, 2, … in order; -1 when it is anything else. */
export function countInOrder(text: string): number {
  if (text.length % tokenLength !== 0) return -1;
  const count = text.length / tokenLength;
  for (let n = 0; n < count; n++) {
    if (Number.parseInt(text.slice(n * tokenLength + 1, (n + 1) * tokenLength), radix) !== n) return -1;
  }
  return count;
}

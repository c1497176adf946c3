const digits = 4;
const radix = 36;
/** A tenth of a millisecond; the counter begins again after 168 s, longer than any run. */
const perMs = 10;
const period = radix ** digits;

/** Length of every token, in characters: a blank and four digits. */
export const tokenLength = digits + 1;

/** A token that says when it was made, so that whoever reads it knows how long it took. */
export function timedToken(atMs: number): string {
  return ` ${(Math.floor(atMs * perMs) % period).toString(radix).padStart(digits, "0")}`;
}

/** How old the first token of a text is. */
export function ageMs(text: string, nowMs: number): number {
  const made = Number.parseInt(text.slice(1, tokenLength), radix);
  const now = Math.floor(nowMs * perMs) % period;
  return ((now - made + period) % period) / perMs;
}

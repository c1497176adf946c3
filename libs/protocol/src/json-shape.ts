/** What JSON text says, roughly, without parsing it: parsing costs a hundred times as much where its author has nested it well. */
export interface JsonShape {
  /** Bytes of UTF-8, each escape counted as what it stands for, white space between values not at all. */
  readonly saidBytes: number;
  /** Objects and arrays within each other. */
  readonly depth: number;
}

const quote = 0x22;
const backslash = 0x5c;
const letterU = 0x75;
const escapeLength = String.raw`\u0000`.length;

/** Of a UTF-16 unit; half a pair has half of four bytes. */
function bytesOf(unit: number): number {
  if (unit < 0x80) return 1;
  return unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3;
}

/** One for an opening bracket, minus one for a closing one. */
function stepOf(unit: number): number {
  if (unit === 0x7b || unit === 0x5b) return 1;
  return unit === 0x7d || unit === 0x5d ? -1 : 0;
}

/** Of any text: whether it is JSON does not matter. One pass. */
export function shapeOfJson(text: string): JsonShape {
  let saidBytes = 0;
  let [depth, deepest] = [0, 0];
  let isInString = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === quote) isInString = !isInString;
    if (isInString) {
      const isEscape = unit === backslash;
      const isLong = isEscape && text.charCodeAt(i + 1) === letterU;
      saidBytes += isLong ? bytesOf(Number.parseInt(text.slice(i + 2, i + escapeLength), 16) || 0) : bytesOf(unit);
      if (isEscape) i += isLong ? escapeLength - 1 : 1;
    } else if (unit > 0x20) {
      saidBytes += bytesOf(unit);
      depth += stepOf(unit);
      deepest = Math.max(deepest, depth);
    }
  }
  return { saidBytes, depth: deepest };
}

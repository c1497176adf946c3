import type { ByteRange } from "@parley/bus";

const oneRange = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i;

/**
 * RFC 9110, 14: the bytes that are asked for. Undefined: all, as of no range, several, or what is none. "none": there are no such bytes.
 */
export function rangeOf(header: string, size: number): ByteRange | "none" | undefined {
  const [, first = "", last = ""] = oneRange.exec(header) ?? [];
  if (first !== "") return fromTo(Number(first), last === "" ? size - 1 : Number(last), size);
  return last === "" ? undefined : lastOnes(Number(last), size);
}

function fromTo(from: number, to: number, size: number): ByteRange | "none" | undefined {
  if (from >= size) return "none";
  return to < from ? undefined : { from, to: Math.min(to, size - 1) };
}

function lastOnes(count: number, size: number): ByteRange | "none" {
  return count === 0 ? "none" : { from: Math.max(0, size - count), to: size - 1 };
}

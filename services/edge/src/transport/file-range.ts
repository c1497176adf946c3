import type { ByteRange } from "@parley/bus";

/**
 * RFC 9110, 14: the bytes that are asked for. Undefined: all, as of no range, several, or what is none. "none": there are no such bytes.
 */
export function rangeOf(header: string, size: number): ByteRange | "none" | undefined {
  const said = /^bytes=\s*(?<first>\d{0,15})-(?<last>\d{0,15})\s*$/i.exec(header)?.groups;
  const [first, last] = [said?.["first"] ?? "", said?.["last"] ?? ""];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const count = Number(last);
    return count === 0 ? "none" : { from: Math.max(0, size - count), to: size - 1 };
  }
  const from = Number(first);
  if (last !== "" && Number(last) < from) return undefined;
  return from >= size ? "none" : { from, to: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

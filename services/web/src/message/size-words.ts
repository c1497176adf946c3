import type { Formats } from "../words/formats.ts";

/** `12 KB`, as people say sizes. */
export function sizeWords(bytes: number, { number }: Formats): string {
  if (bytes < 1_000) return `${number(bytes)} B`;
  if (bytes < 1_000_000) return `${number(bytes / 1_000, { maximumFractionDigits: bytes < 10_000 ? 1 : 0 })} KB`;
  return `${number(bytes / 1_000_000, { maximumFractionDigits: 1 })} MB`;
}

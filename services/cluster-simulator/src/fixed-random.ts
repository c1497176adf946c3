import { createHash } from "node:crypto";

/** The alphabet of Kubernetes' generated names: no vowels and no look-alikes. */
const NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

function digest(seed: string): Buffer {
  return createHash("sha256").update(seed).digest();
}

/** A whole number from 0 to `below` - 1 that is always the same for the same seed. */
export function pickNumber(seed: string, below: number): number {
  return digest(seed).readUInt32BE(0) % below;
}

export function pickOne<T>(seed: string, choices: readonly [T, ...T[]]): T {
  return choices[pickNumber(seed, choices.length)] ?? choices[0];
}

/** The random part of a generated name. */
export function pickSuffix(seed: string, length: number): string {
  return [...digest(seed).subarray(0, length)].map((byte) => NAME_ALPHABET[byte % NAME_ALPHABET.length]).join("");
}

export function pickUid(seed: string): string {
  const hex = digest(seed).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";

/** A vector of length 1 in a byte for each dimension: a quarter of the memory, and what is lost is far below what tells passages apart. */
export interface PackedVector {
  /** What one step is worth. */
  readonly step: number;
  readonly values: Int8Array;
}

export interface VectorStore {
  read(key: string): Promise<PackedVector | undefined>;
  write(key: string, vector: PackedVector): Promise<void>;
}

export function packed(vector: Float32Array): PackedVector {
  const most = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const step = most === 0 ? 1 : most / 127;
  return { step, values: Int8Array.from(vector, (value) => Math.round(value / step)) };
}

/** The cosine of the two; undefined: another model made it. */
export function similarity(query: Float32Array, { step, values }: PackedVector): number | undefined {
  if (query.length !== values.length) return undefined;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (query[i] ?? 0) * (values[i] ?? 0);
  return sum * step;
}

/** The same for the same words of the same model. */
export function vectorKey(model: string, text: string): string {
  return createHash("sha256")
    .update(JSON.stringify([model, text]))
    .digest("hex")
    .slice(0, 40);
}

const headBytes = 4;
const maxBytes = headBytes + 8_192;
/** In the folder: some 1.5 KB each with the usual models. */
const mostFiles = 100_000;
const sweepEvery = 1_000;
/** A writer that died leaves its own file behind. */
const staleMs = 600_000;

/**
 * Vectors in a folder that several workers may share: each in a file of its own that is written elsewhere and then renamed, so that nobody reads half of one.
 * What was used last stays when there are too many.
 */
export function createVectorFolder(folder: string): VectorStore {
  let written = 0;
  const placeOf = (key: string): string => path.join(folder, key.slice(0, 2), key);
  return {
    async read(key) {
      const place = placeOf(key);
      const bytes = await readFile(place).catch(() => undefined);
      if (bytes === undefined || bytes.length <= headBytes || bytes.length > maxBytes) return undefined;
      const now = new Date();
      // Used: it is to stay.
      utimes(place, now, now).catch(() => {});
      const step = bytes.readFloatLE(0);
      return Number.isFinite(step)
        ? { step, values: Int8Array.from(new Int8Array(bytes.subarray(headBytes))) }
        : undefined;
    },
    async write(key, { step, values }) {
      const place = placeOf(key);
      const head = Buffer.alloc(headBytes);
      head.writeFloatLE(step);
      await mkdir(path.dirname(place), { recursive: true });
      const own = `${place}.${process.pid}-${randomBytes(4).toString("hex")}.new`;
      await writeFile(own, Buffer.concat([head, Buffer.from(values.buffer, values.byteOffset, values.length)]));
      await rename(own, place);
      written++;
      if (written % sweepEvery === 0) await sweep(folder, mostFiles).catch(() => {});
    },
  };
}

/** Removes the files that were not used for the longest time, and what writers have left behind. */
export async function sweep(folder: string, most: number): Promise<void> {
  const files: { place: string; usedMs: number }[] = [];
  for (const part of await readdir(folder)) {
    for (const name of await readdir(path.join(folder, part)).catch((): string[] => [])) {
      const place = path.join(folder, part, name);
      const usedMs = (await stat(place).catch(() => undefined))?.mtimeMs;
      if (usedMs === undefined) continue;
      if (!name.endsWith(".new")) files.push({ place, usedMs });
      else if (Date.now() - usedMs > staleMs) await rm(place, { force: true });
    }
  }
  const old = files.toSorted((one, other) => other.usedMs - one.usedMs).slice(most);
  for (const { place } of old) await rm(place, { force: true });
}

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { backUpBucket, checkBucket, restoreBucket, verifyBucket } from "../../scripts/backup/bucket.ts";

/** A bucket in memory, that lists two keys at a time. */
function bucketOf(objects: Map<string, Uint8Array>) {
  return {
    put: async (key: string, bytes: Uint8Array) => void objects.set(key, Uint8Array.from(bytes)),
    get: async (key: string) => objects.get(key),
    async list(after = "0") {
      const keys = [...objects.keys()].toSorted().slice(Number(after), Number(after) + 2);
      const next = Number(after) + 2 < objects.size ? String(Number(after) + 2) : undefined;
      return { keys: keys.map((key) => ({ key, storedMs: 0 })), next };
    },
  };
}

const bytesOf = (n: number): Uint8Array => Uint8Array.from({ length: 1_000 * n }, (_, i) => (i * n) % 251);

it("a bucket comes back byte for byte, page by page, and a damaged copy is told", async () => {
  await using folder = await tempDir();
  const objects = new Map([1, 2, 3, 4, 5].map((n) => [`file_${n}/0`, bytesOf(n)] as const));
  const backup = await backUpBucket(bucketOf(objects), folder.path, () => {});
  expect(backup).toMatchObject({ objects: 5, bytes: 15_000 });
  await verifyBucket(folder.path, backup);
  const restored = new Map<string, Uint8Array>();
  await restoreBucket(bucketOf(restored), folder.path, () => {});
  expect(restored).toEqual(objects);
  await expect(checkBucket(bucketOf(restored), false)).rejects.toThrow(/already holds something/);
  await checkBucket(bucketOf(new Map()), false);

  const file = path.join(folder.path, "bucket.data");
  const data = await readFile(file);
  data[7_000] = (data[7_000] ?? 0) ^ 1;
  await writeFile(file, data);
  await expect(verifyBucket(folder.path, backup)).rejects.toThrow(/bucket.data is damaged/);
});

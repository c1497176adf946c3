import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { removeWithMe } from "./reaper.ts";

export type TempDir = { readonly path: string; [Symbol.asyncDispose](): Promise<void> };

/** A new folder that is removed, with all in it, when it is disposed of. */
export async function tempDir(): Promise<TempDir> {
  const folder = await mkdtemp(path.join(tmpdir(), "parley-test-"));
  removeWithMe(folder);
  return {
    path: folder,
    // A server that was just killed may still be closing a file in it: hence the retries.
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
}

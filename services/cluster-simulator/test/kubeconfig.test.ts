import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartError } from "@parley/runtime";
import { expect, test } from "vitest";
import { writeKubeconfig } from "../src/kubeconfig.ts";

async function withDirectory(act: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "parley-kubeconfig-"));
  try {
    await act(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("writes the kubeconfig for its owner only, also over an older one", async () => {
  await withDirectory(async (directory) => {
    const path = join(directory, "deep", "config");
    await writeKubeconfig(path, "first");
    await writeKubeconfig(path, "second");
    expect(await readFile(path, "utf8")).toBe("second");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
});

test("says which variable to change when the file cannot be written", async () => {
  await withDirectory(async (directory) => {
    const writing = writeKubeconfig(join(directory, "\0"), "text");
    await expect(writing).rejects.toThrow(StartError);
    await expect(writing).rejects.toThrow("KUBECONFIG_OUT");
  });
});

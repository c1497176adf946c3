import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { tempDir } from "@parley/testkit";

test("removes the folder and what is in it", async () => {
  const kept = await (async () => {
    await using folder = await tempDir();
    await writeFile(path.join(folder.path, "file"), "text");
    return folder.path;
  })();
  expect(existsSync(kept)).toBe(false);
});

import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { faults } from "./planted/rewrite.mjs";

const root = path.resolve(import.meta.dirname, "../..");

test.each(Object.entries(faults))(
  "the build has the line in which the fault is planted: %s",
  async (_name, { file, line }) => {
    expect(await readFile(path.join(root, file), "utf8")).toContain(line);
  },
);

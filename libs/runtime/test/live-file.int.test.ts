import { rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { tempDir } from "@parley/testkit";
import { expect, it, vi } from "vitest";
import { createLogger, openLimits } from "../src/index.ts";

const log = createLogger({ service: "test", level: "silent", format: "json" });
const ann = { user: { id: "ann" }, roles: [] };
const model = { kind: "model", name: "large" } as const;

it("a changed file counts within its time, also where it is swapped for another one; one with a mistake does not", async () => {
  await using folder = await tempDir();
  const file = path.join(folder.path, "limits.yaml");
  await writeFile(file, "roles:\n  everybody:\n    actions: [model:use]\n    models: [small]\n");
  const limits = await openLimits({ file, log, everyMs: 20 });
  expect(limits.may(ann, "model:use", model).allowed).toBe(false);

  await writeFile(`${file}.new`, "roles:\n  everybody:\n    actions: [model:use]\n    models: [large]\n");
  await rename(`${file}.new`, file);
  await vi.waitFor(() => expect(limits.may(ann, "model:use", model).allowed).toBe(true));

  await writeFile(file, "roles:\n  everybody:\n    modles: [none]\n");
  await vi.waitFor(() => expect(limits.problems()).toEqual([`${file}:3: unknown field "modles"`]));
  expect(limits.may(ann, "model:use", model).allowed).toBe(true);

  await writeFile(file, "{}");
  await vi.waitFor(() => expect(limits.problems()).toEqual([]));
  limits.close();
});

it("a file with mistakes stops a start, with each of them and its line", async () => {
  await using folder = await tempDir();
  const file = path.join(folder.path, "limits.yaml");
  await writeFile(file, "roles:\n  everybody:\n    models: ['a b']\nrole: 1\n");
  await expect(openLimits({ file, log })).rejects.toThrow(
    `The limits cannot be used:\n  - ${file}:3: roles.everybody.models.0 must be a name, or the beginning of names with a \`*\` behind it\n  - ${file}:4: unknown field "role"`,
  );
  await expect(openLimits({ file: path.join(folder.path, "none.yaml"), log })).rejects.toThrow(/cannot be read/);
});

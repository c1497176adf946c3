import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { tempDir } from "@parley/testkit";
import { expect, it } from "vitest";
import { withEntry } from "../../scripts/keys/new-key.ts";
import { hashOfApiKey, isWellTyped } from "../../services/edge/src/admission/api-key.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = path.join(root, "scripts/keys/main.ts");

async function keys(...args: readonly string[]): Promise<{ code: number; output: string }> {
  const node = ["--conditions=source", "--import", "tsx", cli, ...args];
  return promisify(execFile)(process.execPath, node, { cwd: root }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, output: error.stdout }),
  );
}

it("the command prints a key once, and adds its hash to the file, whose comments stay", async () => {
  await using folder = await tempDir();
  const file = path.join(folder.path, "api-keys.yaml");
  await writeFile(file, await readFile(path.join(root, "config/api-keys.yaml"), "utf8"));
  const made = await keys("create", "--name", "ci", "--user", "svc-ci", "--scopes", "conversation:*", "--append", file);
  const [key = ""] = /parley_\w+/.exec(made.output) ?? [];
  expect([made.code, isWellTyped(key)]).toEqual([0, true]);
  const text = await readFile(file, "utf8");
  expect(text).toMatch(/^# API keys of servers/);
  expect(text).toContain(hashOfApiKey(key));
  expect(text).not.toContain(key);
  const again = await keys("create", "--name", "ci", "--user", "x", "--scopes", "conversation:*", "--append", file);
  expect(again.code).toBe(1);
  expect(again.output).toMatch(/api-keys\.yaml:\d+: keys\.1\.name must not be the name of another key/);
  expect(await readFile(file, "utf8")).toBe(text);
});

it.each([
  ["without a user", ["create", "--name", "ci", "--scopes", "conversation:*"], /^Usage: /],
  [
    "with a scope that no action has",
    ["create", "--name", "ci", "--user", "x", "--scopes", "chat"],
    /scopes\.0 must be an action/,
  ],
  [
    "with an end that is no date",
    ["create", "--name", "ci", "--user", "x", "--scopes", "conversation:*", "--expires", "soon"],
    /expires must be a date/,
  ],
])("the command makes nothing %s", async (_what, args, problem) => {
  const { code, output } = await keys(...args);
  expect([code, output.includes("parley_")]).toEqual([1, false]);
  expect(output).toMatch(problem);
});

const entry = '  - name: "a"\n';

it.each([
  ["", /the field "keys\.0\.hash" is missing/],
  ["keys: [] # none yet\n", /keys/],
  ["keys: {}\n", /keys/],
])("a file like %o gets no entry that would spoil it", (text, problem) => {
  expect(() => withEntry("file", text, entry)).toThrow(problem);
});

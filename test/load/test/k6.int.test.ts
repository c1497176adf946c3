import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { tempDir } from "@parley/testkit";
import { expect, test } from "vitest";

const repository = path.resolve(import.meta.dirname, "../../..");
const k6 = path.join(repository, ".tools/k6");
const deadlineMs = 60_000;

test.skipIf(!existsSync(k6))(
  "plays a small scenario with k6, and reports what it measured",
  { timeout: deadlineMs },
  async () => {
    await using folder = await tempDir();
    const args = ["chat", "--users", "10", "--seconds", "6", "--tokens", "10", "--out", folder.path];
    const { status, stdout } = spawnSync(
      process.execPath,
      ["--conditions=source", "--import", "tsx", path.join(repository, "test/load/cli.ts"), ...args],
      { encoding: "utf8", timeout: deadlineMs, env: { ...process.env, PARLEY_K6: JSON.stringify([k6]) } },
    );
    expect(status, stdout).toBe(0);
    const summary: unknown = JSON.parse(await readFile(path.join(folder.path, "summary.json"), "utf8"));
    expect(summary).toMatchObject({ passed: true, mostSockets: 10, counts: { connected: 10, gaps: 0, errors: 0 } });
    expect(await readFile(path.join(folder.path, "report.html"), "utf8")).toContain("<svg");
    expect(await readFile(path.join(folder.path, "report.md"), "utf8")).toContain("first token, Parley's share");
  },
);

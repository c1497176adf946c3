import path from "node:path";
import { expect, it } from "vitest";
import { runRollingUpgrade } from "../upgrade/rolling-upgrade.ts";

it(
  "loses nothing while every worker and edge is replaced, one by one, under chat and while turns wait for people, to write records of another version",
  { timeout: 120_000 },
  async () => {
    const root = path.resolve(import.meta.dirname, "../..");
    const replaced: string[] = [];
    const result = await runRollingUpgrade({
      people: 6,
      versions: [
        { name: "old", root, canWait: true, env: { RECORD_FORMAT: "1" } },
        { name: "new", root, canWait: true },
      ],
      say: (text) => replaced.push(text),
    });
    expect(result.faults).toEqual([]);
    expect(result.turns).toBeGreaterThan(12);
    expect(result.decided).toBeGreaterThan(2);
    expect(result.reconnects).toBeGreaterThan(0);
    expect(replaced.filter((text) => text.includes("old → new"))).toHaveLength(6);
  },
);

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import {
  none,
  notMeasured,
  readTable,
  readTurnsResult,
  turnsTable,
  withTable,
} from "../../loadtest/bench/turns/readme-table.ts";

const root = path.resolve(import.meta.dirname, "../..");

it("shows in README.md what the result says that it names", () => {
  const { file, text } = readTable(readFileSync(path.join(root, "README.md"), "utf8"));
  expect(text).toBe(file === none ? notMeasured : turnsTable(readTurnsResult(file)));
});

const row = {
  people: 200,
  firstMs: { p50: 6, p95: 14 },
  beyondMs: { p50: 9, p95: 20 },
  cpuMs: { worker: 4, edge: 2 },
  totalMs: 6,
};
const result = {
  name: "turns" as const,
  date: "2026-11-28T10:00:00.000Z",
  command: "npm run bench -- turns",
  machine: { commit: "abc1234", processors: 2, processor: "some" },
  figures: {
    absent: ["fastapi was not measured: there is no python3 with venv here."],
    results: [
      {
        title: "Parley",
        rows: [{ part: "people", row }],
        saturation: { people: 750, mostTried: 800 },
        faults: [{ kind: "killed", right: 50, answers: 50, silenceMs: { p50: 3_000, p95: 3_900 } }],
      },
    ],
  },
};

it("makes a table of a result, with what made it and what is missing", () => {
  const table = turnsTable(result);
  expect(table).toContain(
    "| Parley | 6, 14 ms | 20 ms | 4, 0, 2 ms | 6 ms | 750 people | 50 of 50 right; next token p95 3.9 s | – |",
  );
  expect(table).toContain("`npm run bench -- turns`, 2026-11-28, revision abc1234");
  expect(table).toContain("fastapi was not measured");
});

it("puts a table in the place of the one before", () => {
  const page = "a\n<!-- turns: none -->\n\nold\n\n<!-- end of turns -->\nb\n";
  const changed = withTable(page, { file: "x.json", text: "new" });
  expect(readTable(changed)).toEqual({ file: "x.json", text: "new" });
  expect(changed.startsWith("a\n")).toBe(true);
  expect(changed.endsWith("\nb\n")).toBe(true);
});

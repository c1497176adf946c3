import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { z } from "zod";

const table = new URL("../../scripts/conformance/table.mjs", import.meta.url).href;
const root = fileURLToPath(new URL("../../", import.meta.url));
const Made = z.object({ lines: z.array(z.string()), count: z.object({ held: z.number(), failed: z.number() }) });

interface Run {
  readonly tests: readonly (readonly [column: string, title: string, status: string])[];
  readonly notes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What the page would have of a run. */
function make({ tests, notes = {} }: Run) {
  const assertionResults = tests.map(([column, title, status]) => {
    return { ancestorTitles: ["A protocol", column, "approval"], title, status };
  });
  const results = { testResults: [{ name: `${root}test/conformance/x.conformance.test.ts`, assertionResults }] };
  const program = `
    import { cellsOf, countOf, tableOf } from ${JSON.stringify(table)};
    const cells = cellsOf(${JSON.stringify(results)}, ${JSON.stringify(root)});
    const notes = ${JSON.stringify(notes)};
    console.log(JSON.stringify({ lines: tableOf(cells, notes), count: countOf(cells, notes) }));`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  const { lines, count } = Made.parse(JSON.parse(out));
  const rowOf = (name: string): string | undefined => lines.find((line) => line.startsWith(`| ${name} |`));
  return { lines, count, rowOf };
}

it("a cell leads to its test, and holds only if all of its tests have", () => {
  const { rowOf, count } = make({
    tests: [
      ["C", "text: whole", "passed"],
      ["C", "stop: at once", "passed"],
      ["C", "stop: in a tool", "failed"],
      ["C", "no row at all", "failed"],
    ],
  });
  expect(rowOf("text")).toBe("| text | [✓](../test/conformance/x.conformance.test.ts) |");
  expect(rowOf("stop")).toContain("[✗]");
  expect(count).toEqual({ held: 1, failed: 1 });
});

it("tests that did not run, as when their system did not start, are no silence", () => {
  const { lines, rowOf, count } = make({ tests: [["C", "text: whole", "skipped"]] });
  expect(rowOf("text")).toContain("[✗]");
  expect(lines).toContain("1. Its tests did not run.");
  expect(count).toEqual({ held: 0, failed: 1 });
});

it("what is known to be red stays red, with its sentence", () => {
  const { lines, rowOf, count } = make({
    tests: [["C", "usage: in the end", "passed"]],
    notes: { C: { "usage is red": "It counts twice." } },
  });
  expect(rowOf("usage")).toContain("[✗]");
  expect(lines).toContain("2. It counts twice.");
  expect(count).toEqual({ held: 0, failed: 1 });
});

it("what has no test says why", () => {
  const { lines, rowOf } = make({
    tests: [["C", "text: whole", "passed"]],
    notes: { C: { reasoning: "The protocol has no word for it." } },
  });
  expect(rowOf("reasoning")).toContain("| – [1](#notes) |");
  expect(lines).toEqual(expect.arrayContaining(["1. The protocol has no word for it.", "2. Not tried yet."]));
});

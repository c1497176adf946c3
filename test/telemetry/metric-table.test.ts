import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { traceNames } from "@parley/runtime";
import { expect, it } from "vitest";
import { metricTable } from "./metric-table.ts";

const page = path.resolve(import.meta.dirname, "../../docs/telemetry.md");
const [begin, end] = ["<!-- figures: begin -->", "<!-- figures: end -->"] as const;

it("documents every figure as the processes define it", () => {
  const text = readFileSync(page, "utf8");
  const [before, after] = [text.slice(0, text.indexOf(begin) + begin.length), text.slice(text.indexOf(end))];
  const fresh = `${before}\n\n${metricTable().join("\n")}\n\n${after}`;
  if (process.env["PARLEY_WRITE_DOCS"] === "1") writeFileSync(page, fresh);
  expect(readFileSync(page, "utf8")).toBe(fresh);
});

it("documents every attribute of spans", () => {
  const text = readFileSync(page, "utf8");
  expect(Object.values(traceNames).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

it("gives figures base units and a plain meaning", () => {
  const rows = metricTable().slice(2);
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => /_(ms|millis|milliseconds|kb|mb)`/.test(row))).toEqual([]);
  expect(rows.filter((row) => / counter /.test(row) && !/_total`/.test(row))).toEqual([]);
  expect(rows.filter((row) => / histogram /.test(row) && !/_seconds`/.test(row))).toEqual([]);
});

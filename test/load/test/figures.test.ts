import { expect, test } from "vitest";
import { readReport } from "../ledger.ts";
import { processFigures } from "../report/process-figures.ts";
import { slopeOf } from "../regression.ts";
import { coresOf, parseMachine, parseStat } from "../world/process-sampler.ts";

test("finds the slope of a line, also through noise", () => {
  const points = Array.from({ length: 100 }, (_, x) => ({ x, y: 3 * x + 10 + (x % 2 === 0 ? 5 : -5) }));
  expect(slopeOf(points)).toBeCloseTo(3, 1);
});

test("finds no slope in a single moment", () => {
  expect(slopeOf([])).toBeUndefined();
  expect(slopeOf([{ x: 1, y: 2 }])).toBeUndefined();
});

test("reads CPU time behind a program's name, whatever it is", () => {
  const fields = ["S", ...Array.from({ length: 10 }, () => "0"), "250", "50", "0"];
  expect(parseStat(`17 (a (strange) name) ${fields.join(" ")}`)).toEqual({ cpuS: 3 });
});

test("reads the CPU time of the whole machine without its idle time", () => {
  expect(parseMachine("cpu  100 10 50 9000 700 5 5 30 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")).toBe(2);
});

const sample = (atS: number, cpuS: number, rssMb: number, liveMb = rssMb) => ({
  ...{ atS, cpuS },
  rssBytes: rssMb * 1_024 * 1_024,
  liveBytes: liveMb * 1_024 * 1_024,
  files: undefined,
});

test("reckons the use of cores between two samples", () => {
  expect(coresOf(sample(10, 4, 1), sample(12, 5, 1))).toBe(0.5);
  expect(coresOf(undefined, sample(12, 5, 1))).toBe(0);
});

test("reckons the cost of tokens and turns, and the slope of what is kept in memory over the second half", () => {
  const samples = Array.from({ length: 11 }, (_, index) =>
    sample(index * 60, index, index < 5 ? 500 : 110, 50 + index),
  );
  const counts: Readonly<Record<string, number>> = { tokens: 2_000_000, turns: 5_000 };
  const figures = processFigures({ name: "edge", samples }, { count: (name) => counts[name] ?? 0 });
  expect(figures).toMatchObject({
    ...{ cpuSeconds: 10, cpuSecondsPerMillionTokens: 5, cpuSecondsPerThousandTurns: 2 },
    ...{ rssStartMb: 500, rssEndMb: 110, rssMaxMb: 500, liveEndMb: 60, liveSlopeMbPerHour: 60 },
  });
});

test("does not take a line of k6 for a report", () => {
  expect(readReport("running (0m01.0s), 12/12 VUs")).toBeUndefined();
});

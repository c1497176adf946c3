import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Bench } from "../bench.ts";
import { grouped, median, rounded } from "../measure/statistics.ts";
import { hotPaths } from "./hot-paths.ts";
import { timeBeside, type Timing } from "./timing.ts";

const baselineFile = fileURLToPath(new URL("../micro-baseline.json", import.meta.url));
const Baseline = z.record(z.string(), z.number());
/** A hot path may become this much slower against the calibration before it is a fault. */
const tolerance = 1.5;
const samples = 150;
/** One that seems too slow is measured again: on a shared machine a disturbance can last as long as all its samples. */
const tries = 3;
const baselineTries = 5;

/** A baseline is the middle of several measurings: the same code settles in different places from one to the next. */
function measureBaseline(run: () => unknown): Timing {
  const timings = Array.from({ length: baselineTries }, () => timeBeside(run, samples));
  return {
    nanoseconds: median(timings.map(({ nanoseconds }) => nanoseconds)),
    ratio: median(timings.map(({ ratio }) => ratio)),
  };
}

function measure(run: () => unknown, baseline: number | undefined): Timing {
  let best = timeBeside(run, samples);
  for (let i = 1; i < tries && best.ratio > (baseline ?? Infinity) * tolerance; i++) {
    const again = timeBeside(run, samples);
    if (again.ratio < best.ratio) best = again;
  }
  return best;
}

/** A gate without a clock: how long hot paths take against a fixed piece of work, not in seconds. */
export const micro: Bench = {
  name: "micro",
  about: `hot paths against a fixed loop; fails when one is ${tolerance} times its baseline`,
  takesSeconds: 9,
  isGate: true,
  async run({ isUpdate, only, say }) {
    const baseline = Baseline.parse(JSON.parse(readFileSync(baselineFile, "utf8")));
    const chosen = hotPaths.filter(({ name }) => only === undefined || name.includes(only));
    const measured = chosen.map(({ name, run }) => ({
      name,
      ...(isUpdate ? measureBaseline(run) : measure(run, baseline[name])),
    }));
    if (isUpdate) {
      const ratios = Object.fromEntries(measured.map(({ name, ratio }) => [name, rounded(ratio)]));
      writeFileSync(baselineFile, `${JSON.stringify({ ...baseline, ...ratios }, undefined, 2)}\n`);
      say("the baseline was written anew");
    }
    const rows = measured.map(({ name, nanoseconds, ratio }) => {
      const shown = [rounded(ratio), baseline[name] ?? 0, rounded(ratio / (baseline[name] ?? ratio))];
      return [name, grouped(Math.round(nanoseconds)), ...shown.map(String)];
    });
    const budgets = measured.map(({ name, ratio }) => {
      const limit = rounded((baseline[name] ?? ratio) * tolerance);
      return { what: name, value: ratio, limit, is: "<=" } as const;
    });
    return { figures: measured, table: [["hot path", "ns", "ratio", "baseline", "to it"], ...rows], budgets };
  },
};

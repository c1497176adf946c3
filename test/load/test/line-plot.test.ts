import { expect, test } from "vitest";
import { drawLinePlot, niceStep } from "../report/line-plot.ts";

const points = [
  { x: 0, y: 10 },
  { x: 30, y: 40 },
];

test("draws each line with its name, and each mark with its text", () => {
  const svg = drawLinePlot({
    ...{ title: "Latency", unit: "ms" },
    lines: [
      { name: "p50", points },
      { name: "p99", points: [] },
    ],
    marks: [{ atS: 15, text: "edge 1 is killed" }],
  });
  expect(svg.match(/<polyline/g)).toHaveLength(1);
  expect(svg).toContain(">p50</text>");
  expect(svg).toContain("edge 1 is killed");
  expect(svg).not.toContain("NaN");
});

test("draws the highest value at the top and time from left to right", () => {
  const svg = drawLinePlot({ title: "t", unit: "ms", lines: [{ name: "p50", points }], marks: [] });
  const [first, second] =
    /points="([^"]*)"/
      .exec(svg)?.[1]
      ?.split(" ")
      .map((place) => place.split(",").map(Number)) ?? [];
  expect(second?.[0]).toBeGreaterThan(first?.[0] ?? 0);
  expect(second?.[1]).toBeLessThan(first?.[1] ?? 0);
});

test("draws nothing but the frame when there is nothing to draw", () => {
  const svg = drawLinePlot({ title: "t", unit: "ms", lines: [], marks: [] });
  expect(svg).not.toMatch(/polyline|NaN|Infinity/);
});

test("keeps markup out of the drawing", () => {
  const svg = drawLinePlot({ title: "<b> & c", unit: "ms", lines: [], marks: [] });
  expect(svg).toContain("&lt;b&gt; &amp; c");
});

test.each([
  [0, 1],
  [0.03, 0.05],
  [7, 10],
  [120, 200],
])("steps of at least %d are %d", (atLeast, step) => {
  expect(niceStep(atLeast)).toBeCloseTo(step);
});

import type { Second } from "../ledger.ts";
import type { Run } from "../run.ts";
import { coresOf, type ProcessRecord } from "../world/process-sampler.ts";
import { drawLinePlot, type PlotLine } from "./line-plot.ts";

export interface Plot {
  readonly file: string;
  readonly svg: string;
}

const megabyte = 1_024 * 1_024;
const percentiles = [
  ["p50", 0.5],
  ["p95", 0.95],
  ["p99", 0.99],
] as const;

interface Choice {
  readonly file: string;
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly PlotLine[];
}

/** The drawings of a run: those for which there is something to draw. */
export function drawPlots({ ledger, monitor, marks }: Run): Plot[] {
  const seconds = ledger.seconds();
  const records = monitor.processes.records();
  const times = (file: string, title: string, name: string): Choice => ({
    ...{ file, title, unit: "ms" },
    lines: percentiles.map(([label, share]) => timeLine(seconds, { label, name, share })),
  });
  const choices: readonly Choice[] = [
    times("first-token", "First token, less the model's schedule", "first_token_share"),
    times("token-gap", "Between tokens, less the model's schedule", "token_gap_share"),
    times("delivery", "A token from the worker to the viewer", "delivery"),
    times("turn", "Turn, less the model's schedule", "turn_share"),
    times("tool-wait", "Tool call, less the tool's own time", "tool_wait"),
    times("auth", "From connecting to authenticated", "auth"),
    times("resume", "From the loss of the edge to caught up", "resume"),
    {
      file: "sockets",
      title: "Open sockets",
      unit: "sockets",
      lines: [line("sockets", seconds, ({ sockets }) => sockets)],
    },
    {
      ...{ file: "throughput", title: "Tokens that arrive", unit: "1/s" },
      lines: [line("tokens", seconds, ({ counts }) => counts.get("tokens") ?? 0)].filter(isNotZero),
    },
    { file: "cpu", title: "CPU by process", unit: "% of one core", lines: records.map(cpuLine) },
    { file: "memory", title: "Memory by process (RSS)", unit: "MB", lines: records.map(memoryLine) },
    { file: "kept", title: "Memory kept after full garbage collections", unit: "MB", lines: records.map(keptLine) },
  ];
  return choices
    .filter(({ lines }) => lines.some(({ points }) => points.length > 0))
    .map(({ file, ...rest }) => ({ file: `${file}.svg`, svg: drawLinePlot({ ...rest, marks }) }));
}

function line(
  name: string,
  seconds: readonly (Second | undefined)[],
  read: (second: Second) => number | undefined,
): PlotLine {
  const points = Array.from(seconds).flatMap((second, x) => {
    const y = second === undefined ? undefined : read(second);
    return y === undefined ? [] : [{ x, y }];
  });
  return { name, points };
}

interface TimeChoice {
  readonly label: string;
  readonly name: string;
  readonly share: number;
}

function timeLine(seconds: readonly (Second | undefined)[], { label, name, share }: TimeChoice): PlotLine {
  return line(label, seconds, ({ times }) => times.get(name)?.quantile(share));
}

function isNotZero({ points }: PlotLine): boolean {
  return points.some(({ y }) => y > 0);
}

function cpuLine({ name, samples }: ProcessRecord): PlotLine {
  const points = samples
    .slice(1)
    .map((sample, index) => ({ x: sample.atS, y: Math.max(0, coresOf(samples[index], sample)) * 100 }));
  return { name, points };
}

function keptLine({ name, samples }: ProcessRecord): PlotLine {
  const known = samples.flatMap(({ atS, liveBytes }) => (liveBytes === undefined ? [] : [{ atS, liveBytes }]));
  return { name, points: known.map(({ atS, liveBytes }) => ({ x: atS, y: liveBytes / megabyte })) };
}

function memoryLine({ name, samples }: ProcessRecord): PlotLine {
  return { name, points: samples.map(({ atS, rssBytes }) => ({ x: atS, y: rssBytes / megabyte })) };
}

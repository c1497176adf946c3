import type { ContenderResult } from "./results.ts";
import { lateFirstMs } from "./saturation.ts";
import type { SteadyRow } from "./steady.ts";
import { parts, partTitles } from "./target.ts";

const width = 1_000;
const height = 640;
/** Told apart also by those who see few colours (Okabe and Ito's palette). */
const lineColours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
const partColours = ["#0072b2", "#e69f00", "#56b4e9", "#cc79a7", "#d55e00"];
const grey = "#555";

/** Drawing of a whole run: waiting over people, cost by process, and what a lost worker does to answers. */
export function drawTurns(results: readonly ContenderResult[], caption: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>Whole turns</title><rect width="100%" height="100%" fill="#fff"/>`,
    text(20, 24, caption, { fill: grey }),
    ...waiting(results),
    ...costs(results),
    ...faults(results),
    "</svg>\n",
  ].join("\n");
}

interface TextStyle {
  readonly anchor?: "start" | "middle" | "end";
  readonly fill?: string;
  readonly bold?: boolean;
}

function text(
  x: number,
  y: number,
  value: string,
  { anchor = "start", fill = "#000", bold = false }: TextStyle = {},
): string {
  const escaped = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${fill}"${bold ? ' font-weight="bold" font-size="14"' : ""}>${escaped}</text>`;
}

function line(from: readonly [number, number], to: readonly [number, number], style: string): string {
  return `<line x1="${round(from[0])}" y1="${round(from[1])}" x2="${round(to[0])}" y2="${round(to[1])}" ${style}/>`;
}

function bar(x: number, y: number, size: readonly [number, number], fill: string): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(size[0])}" height="${round(size[1])}" fill="${fill}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const peopleRows = ({ rows }: ContenderResult): readonly SteadyRow[] =>
  rows
    .filter(({ part }) => part === "people")
    .map(({ row }) => row)
    .toSorted((a, b) => a.people - b.people);

const chart = { left: 70, right: 960, top: 80, bottom: 330 } as const;
/** In ms; each is a line of the logarithmic scale. */
const decades = [1, 10, 100, 1_000, 10_000];

function waiting(results: readonly ContenderResult[]): string[] {
  const most = Math.max(100, ...results.flatMap((result) => peopleRows(result).map(({ people }) => people)));
  const placeX = (people: number): number => chart.left + (people / most) * (chart.right - chart.left);
  const placeY = (ms: number): number => {
    const share = Math.log10(Math.min(Math.max(ms, 1), 10_000)) / 4;
    return chart.bottom - share * (chart.bottom - chart.top);
  };
  const step = most > 1_200 ? 400 : most > 400 ? 200 : 50;
  const xs = Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
  const late = placeY(lateFirstMs);
  return [
    text(chart.left, 56, "First token, p95 in ms: each person asks every 2.5 s for 60 tokens at 30/s", { bold: true }),
    ...decades.map((ms) => line([chart.left, placeY(ms)], [chart.right, placeY(ms)], 'stroke="#ddd"')),
    ...decades.map((ms) =>
      text(chart.left - 8, placeY(ms) + 4, ms.toLocaleString("en-US"), { anchor: "end", fill: grey }),
    ),
    ...xs.map((people) => text(placeX(people), chart.bottom + 18, String(people), { anchor: "middle", fill: grey })),
    text(chart.right, chart.bottom + 34, "people", { anchor: "end", fill: grey }),
    line([chart.left, late], [chart.right, late], 'stroke="#999" stroke-dasharray="5 4"'),
    text(chart.right, late - 5, `late: ${lateFirstMs} ms`, { anchor: "end", fill: grey }),
    ...results.flatMap((result, index) =>
      waitingLine(peopleRows(result), lineColours[index] ?? grey, { placeX, placeY }),
    ),
    ...results.map((result, index) =>
      legend(result.title, lineColours[index] ?? grey, chart.left + 12 + index * 220, chart.top - 8),
    ),
  ];
}

interface Places {
  readonly placeX: (people: number) => number;
  readonly placeY: (ms: number) => number;
}

function waitingLine(rows: readonly SteadyRow[], colour: string, { placeX, placeY }: Places): string[] {
  const points = rows.map(({ people, firstMs }) => [round(placeX(people)), round(placeY(firstMs.p95))] as const);
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map((point) => point.join(",")).join(" ")}"/>`,
    ...points.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`),
  ];
}

function legend(title: string, colour: string, x: number, y: number): string {
  return `${bar(x, y - 9, [14, 9], colour)}${text(x + 19, y, title)}`;
}

const lower = { top: 400, row: 38, barHeight: 20 } as const;

/** At this many people; where that was not measured, at the fewest that were. */
const comparedPeople = 200;

function costs(results: readonly ContenderResult[]): string[] {
  const shown = results.flatMap((result) => {
    const rows = peopleRows(result);
    const row = rows.find(({ people }) => people === comparedPeople) ?? rows[0];
    return row === undefined ? [] : [{ title: result.title, row }];
  });
  const left = 70;
  const most = Math.max(1, ...shown.map(({ row }) => row.totalMs));
  const scale = 400 / most;
  const people = shown[0]?.row.people ?? comparedPeople;
  return [
    text(left, lower.top, `CPU per turn in ms, at ${people} people`, { bold: true }),
    ...parts.map((part, index) =>
      legend(partTitles[part], partColours[index] ?? grey, left + index * 92, lower.top + 22),
    ),
    ...shown.flatMap(({ title, row }, index) => {
      const y = lower.top + 62 + index * (lower.row + 14);
      let x = left;
      const pieces = parts.map((part, partIndex) => {
        const size = (row.cpuMs[part] ?? 0) * scale;
        const piece = bar(x, y, [size, lower.barHeight], partColours[partIndex] ?? grey);
        x += size;
        return piece;
      });
      return [text(left, y - 5, title), ...pieces, text(x + 6, y + 15, String(row.totalMs))];
    }),
  ];
}

function faults(results: readonly ContenderResult[]): string[] {
  const rows = results.flatMap(({ title, faults: all }) => all.map((fault) => ({ title, fault })));
  if (rows.length === 0) return [];
  const left = 570;
  return [
    text(left, lower.top, "Worker lost in 50 answers: how many were right", { bold: true }),
    ...rows.flatMap(({ title, fault }, index) => {
      const y = lower.top + 34 + index * lower.row;
      const share = fault.right / fault.answers;
      const silence =
        fault.silenceMs === undefined
          ? "nothing more came"
          : `next token ${round(fault.silenceMs.p95 / 1_000)} s (p95)`;
      return [
        text(left, y - 4, `${title}, ${fault.kind}: ${fault.right} right, ${silence}`),
        bar(left, y, [370, 9], "#d55e00"),
        bar(left, y, [370 * share, 9], "#009e73"),
      ];
    }),
  ];
}

import type { Figures } from "./figures.ts";

const cell = 46;
const left = 150;
const top = 92;
const plot = 230;
const gap = 110;

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

interface Word {
  readonly x: number;
  readonly y: number;
  readonly text: string | number;
  readonly anchor?: "start" | "middle" | "end";
  readonly size?: number;
  readonly fill?: string;
  readonly turn?: number;
}

function word({ x, y, text, anchor = "middle", size = 12, fill = "#1f2937", turn }: Word): string {
  const turned = turn === undefined ? "" : ` transform="rotate(${turn} ${x} ${y})"`;
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="${fill}"${turned}>${escaped(String(text))}</text>`;
}

/** Who should have answered, and who did; beside it how sure the router was, and how often it was right. */
export function pictureOf(title: string, figures: Figures): string {
  const size = figures.classes.length * cell;
  const width = left + size + gap + plot + 40;
  const height = top + Math.max(size, plot) + 60;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    word({ x: 16, y: 26, text: title, anchor: "start", size: 15 }),
    ...matrixOf(figures),
    ...diagramOf(figures, left + size + gap),
    "</svg>",
    "",
  ].join("\n");
}

function matrixOf({ classes, confusion }: Figures): string[] {
  const size = classes.length * cell;
  const cells = confusion.flatMap((row, y) => {
    const all = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, x) => {
      const share = all === 0 ? 0 : count / all;
      const [px, py] = [left + x * cell, top + y * cell];
      const colour = x === y ? `rgba(22, 101, 52, ${share.toFixed(3)})` : `rgba(185, 28, 28, ${share.toFixed(3)})`;
      const box = `<rect x="${px}" y="${py}" width="${cell - 2}" height="${cell - 2}" fill="${colour}" stroke="#d1d5db"/>`;
      const fill = count === 0 ? "#9ca3af" : share > 0.55 ? "#ffffff" : "#1f2937";
      return `${box}${word({ x: px + cell / 2 - 1, y: py + cell / 2 + 4, text: count, fill })}`;
    });
  });
  const rows = classes.map(({ agent }, y) =>
    word({ x: left - 8, y: top + y * cell + cell / 2 + 4, text: agent, anchor: "end" }),
  );
  const columns = classes.map(({ agent }, x) =>
    word({ x: left + x * cell + cell / 2, y: top - 8, text: agent, anchor: "start", size: 11, turn: -25 }),
  );
  return [
    ...cells,
    ...rows,
    ...columns,
    word({ x: left + size / 2, y: top + size + 24, text: "answers", fill: "#6b7280" }),
    word({ x: 22, y: top + size / 2, text: "should answer", fill: "#6b7280", turn: -90 }),
  ];
}

function diagramOf({ reliability, utterances }: Figures, x: number): string[] {
  const [px, py] = [(value: number) => x + value * plot, (value: number) => top + (1 - value) * plot];
  const dots = reliability.map(({ confidence, accuracy, utterances: count }) => {
    const radius = (3 + 14 * Math.sqrt(count / Math.max(1, utterances))).toFixed(1);
    const dot = `<circle cx="${px(confidence).toFixed(1)}" cy="${py(accuracy).toFixed(1)}" r="${radius}" fill="#1d4ed8" fill-opacity="0.65"/>`;
    return `${dot}${word({ x: px(confidence), y: py(accuracy) + Number(radius) + 13, text: count, size: 10, fill: "#6b7280" })}`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    word({ x: px(value), y: top + plot + 16, text: value, size: 10, fill: "#6b7280" }),
    word({ x: x - 6, y: py(value) + 4, text: value, anchor: "end", size: 10, fill: "#6b7280" }),
  ]);
  return [
    `<rect x="${x}" y="${top}" width="${plot}" height="${plot}" fill="none" stroke="#d1d5db"/>`,
    `<line x1="${x}" y1="${top + plot}" x2="${x + plot}" y2="${top}" stroke="#9ca3af" stroke-dasharray="4 4"/>`,
    ...ticks,
    ...dots,
    word({ x: x + plot / 2, y: top + plot + 36, text: "confidence", fill: "#6b7280" }),
    word({ x: x - 40, y: top + plot / 2, text: "how often right", fill: "#6b7280", turn: -90 }),
  ];
}

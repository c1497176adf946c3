export interface PlotLine {
  readonly name: string;
  /** `x` in seconds. A hole in time is a hole in the line. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface PlotOptions {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly PlotLine[];
  /** Events, as upright lines with a text. */
  readonly marks: readonly { readonly atS: number; readonly text: string }[];
}

const width = 860;
const height = 270;
const frame = { left: 66, right: 190, top: 34, bottom: 34 } as const;
const plotWidth = width - frame.left - frame.right;
const plotHeight = height - frame.top - frame.bottom;
/** Told apart also by those who see few colours (Okabe and Ito's palette). */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c564b", "#7f7f7f"];

/** A drawing of lines over time, as SVG text that stands for itself. */
export function drawLinePlot({ title, unit, lines, marks }: PlotOptions): string {
  const shown = lines.filter(({ points }) => points.length > 0);
  const all = shown.flatMap(({ points }) => points);
  const maxX = Math.max(1, ...all.map(({ x }) => x), ...marks.map(({ atS }) => atS));
  const step = niceStep(Math.max(0, ...all.map(({ y }) => y)) / 4);
  const maxY = step * Math.max(1, Math.ceil(Math.max(0, ...all.map(({ y }) => y)) / step));
  const placeX = (x: number): number => round(frame.left + (x / maxX) * plotWidth);
  const placeY = (y: number): number => round(frame.top + plotHeight - (y / maxY) * plotHeight);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" role="img">`,
    `<title>${escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${frame.left}" y="18" font-size="14" font-weight="bold">${escape(title)} (${escape(unit)})</text>`,
    ...levels(maxY, step).map((y) => yLevel(y, placeY(y))),
    ...levels(maxX, niceStep(maxX / 6)).map((x) => xLevel(x, placeX(x))),
    ...marks.map(({ atS, text }) => drawMark(placeX(atS), text)),
    ...shown.map((line, index) => drawLine(line, index, { placeX, placeY })),
    "</svg>\n",
  ].join("\n");
}

function yLevel(y: number, placeY: number): string {
  const line = `<line x1="${frame.left}" x2="${width - frame.right}" y1="${placeY}" y2="${placeY}" stroke="#ddd"/>`;
  return `${line}<text x="${frame.left - 6}" y="${placeY + 4}" text-anchor="end">${shortNumber(y)}</text>`;
}

function xLevel(x: number, placeX: number): string {
  return `<text x="${placeX}" y="${height - 12}" text-anchor="middle">${shortNumber(x)} s</text>`;
}

function drawMark(placeX: number, text: string): string {
  const line = `<line x1="${placeX}" x2="${placeX}" y1="${frame.top}" y2="${height - frame.bottom}" stroke="#999" stroke-dasharray="4 3"/>`;
  return `${line}<text x="${placeX + 3}" y="${frame.top + 9}" fill="#666" font-size="9">${escape(text)}</text>`;
}

interface Places {
  readonly placeX: (x: number) => number;
  readonly placeY: (y: number) => number;
}

function drawLine({ name, points }: PlotLine, index: number, { placeX, placeY }: Places): string {
  const colour = colours[index % colours.length];
  const path = points.map(({ x, y }) => `${placeX(x)},${placeY(y)}`).join(" ");
  const labelY = frame.top + 10 + index * 16;
  const labelX = width - frame.right + 14;
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="1.6" points="${path}"/>`,
    `<rect x="${labelX}" y="${labelY - 8}" width="12" height="4" fill="${colour}"/>`,
    `<text x="${labelX + 17}" y="${labelY - 2}">${escape(name)}</text>`,
  ].join("");
}

/** 1, 2 or 5 times a power of ten, not below the given. */
export function niceStep(atLeast: number): number {
  if (atLeast <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10) * power;
}

function levels(max: number, step: number): number[] {
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, index) => index * step);
}

function shortNumber(value: number): string {
  if (value >= 1_000_000) return `${round(value / 1_000_000)}M`;
  if (value >= 10_000) return `${round(value / 1_000)}k`;
  return String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

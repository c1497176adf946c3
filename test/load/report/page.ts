import { escape } from "./line-plot.ts";
import type { Plot } from "./plots.ts";
import type { Summary } from "./summary.ts";
import { headLines, type Row, tablesOf } from "./text.ts";

const style = `
  body { font: 15px/1.5 sans-serif; max-width: 900px; margin: 2em auto; padding: 0 1em; color: #222; }
  table { border-collapse: collapse; margin: .5em 0 1.5em; } td, th { padding: .15em .8em .15em 0; text-align: left; }
  tr { border-bottom: 1px solid #e5e5e5; } td + td { font-variant-numeric: tabular-nums; } svg { width: 100%; height: auto; }
`;

/** The whole result as one file that needs no other. */
export function pageOf(summary: Summary, plots: readonly Plot[]): string {
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(summary.title)}</title>`,
    `<style>${style}</style></head><body><h1>${escape(summary.title)}</h1>`,
    ...headLines(summary).map((line) => `<p>${escape(line.replaceAll("`", ""))}</p>`),
    ...plots.map(({ svg }) => svg),
    ...tablesOf(summary).map(({ title, rows }) => `<h2>${escape(title)}</h2>${htmlTable(rows)}`),
    "</body></html>\n",
  ].join("\n");
}

function htmlTable([head = [], ...rows]: readonly Row[]): string {
  const line = (cells: Row, tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>${line(head, "th")}${rows.map((row) => line(row, "td")).join("\n")}</table>`;
}

import type { Figures, Part } from "./figures.ts";

export interface Measured {
  readonly name: string;
  readonly figures: Figures;
  /** Messages that a model was asked about. */
  readonly asked?: number | undefined;
}

const shown = (value: number | null): string => (value === null ? "–" : value.toFixed(3));

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** What a document shows of it: one column of figures for each that was measured. */
export function pageOf(measured: readonly Measured[]): string {
  const head = (first: string): string[] => [
    row([first, ...measured.map(({ name }) => name)]),
    row(["---", ...measured.map(() => "---")]),
  ];
  const parts = (what: string, partsOf: (figures: Figures) => readonly Part[]): string[] => {
    const names = [...new Set(measured.flatMap(({ figures }) => partsOf(figures).map(({ name }) => name)))];
    return names.map((name) => {
      const cells = measured.map(({ figures }) => {
        const part = partsOf(figures).find((one) => one.name === name);
        return part === undefined ? "–" : `${shown(part.accuracy)} of ${part.utterances}`;
      });
      return row([`${what} ${name}`, ...cells]);
    });
  };
  return [
    ...head(""),
    row(["utterances", ...measured.map(({ figures }) => figures.utterances)]),
    row(["**accuracy**", ...measured.map(({ figures }) => `**${shown(figures.accuracy)}**`)]),
    row(["calibration error", ...measured.map(({ figures }) => shown(figures.calibrationError))]),
    ...(measured.some(({ asked }) => asked !== undefined)
      ? [row(["asked of the model", ...measured.map(({ asked = 0 }) => asked)])]
      : []),
    ...parts("kind:", ({ kinds }) => kinds),
    ...parts("language:", ({ languages }) => languages),
    ...parts("decided by", ({ methods }) => methods),
    ...classRows(measured),
    ...binRows(measured),
  ].join("\n");
}

function classRows(measured: readonly Measured[]): string[] {
  const names = [...new Set(measured.flatMap(({ figures }) => figures.classes.map(({ agent }) => agent)))];
  return names.map((name) => {
    const cells = measured.map(({ figures }) => {
      const found = figures.classes.find(({ agent }) => agent === name);
      return found === undefined ? "–" : `${shown(found.precision)}, ${shown(found.recall)}`;
    });
    return row([`\`${name}\`: precision, recall`, ...cells]);
  });
}

/** Of each bin of confidence: its mean, and how many of it are right. */
function binRows(measured: readonly Measured[]): string[] {
  const bins = new Set(measured.flatMap(({ figures }) => figures.reliability.map(({ from }) => from)));
  return [...bins]
    .toSorted((one, other) => one - other)
    .map((from) => {
      const cells = measured.map(({ figures }) => {
        const bin = figures.reliability.find((one) => one.from === from);
        return bin === undefined ? "–" : `${shown(bin.confidence)}: ${shown(bin.accuracy)} of ${bin.utterances}`;
      });
      return row([`confidence from ${from.toFixed(1)}: right`, ...cells]);
    });
}

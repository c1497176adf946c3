/** What a well-behaved person's answers took in one window of time, at the 99th percentile. */
export interface Figures {
  readonly pingMs: number;
  readonly firstTokenMs: number;
}

type Figure = keyof Figures;

/** Somebody on the edge that is attacked, and somebody on one that is not, on the same machine at the same time. */
export interface Windows {
  readonly attacked: readonly Figures[];
  readonly beside: readonly Figures[];
}

/** One of the two is worse by more than this times … */
const maxRatio = 2;
/** … and by more than these: a scheduler that comes late is no harm of the edge's. */
const slackMs: Figures = { pingMs: 15, firstTokenMs: 60 };

/** Fewer windows say nothing. */
const minWindows = 3;

export interface Harm {
  /** Of somebody on the edge under attack: during it against before it. */
  readonly againstBefore: Figures;
  /** During it, against somebody on the other edge. */
  readonly againstBeside: Figures;
  /** Worse than before, and that not because the whole machine was. */
  readonly isHarmed: boolean;
}

/** Compares windows by their medians: one bad second of the machine decides nothing. */
export function harmOf(before: Windows, during: Windows): Harm {
  const [then, now, beside] = [medians(before.attacked), medians(during.attacked), medians(during.beside)];
  const isWorse = (figure: Figure, than: Figures): boolean =>
    now[figure] > Math.max(than[figure] * maxRatio, than[figure] + slackMs[figure]);
  const isHarmed = (figure: Figure): boolean => isWorse(figure, then) && isWorse(figure, beside);
  return {
    againstBefore: ratio(now, then),
    againstBeside: ratio(now, beside),
    isHarmed: during.attacked.length >= minWindows && (isHarmed("pingMs") || isHarmed("firstTokenMs")),
  };
}

function ratio(now: Figures, than: Figures): Figures {
  return {
    pingMs: now.pingMs / (than.pingMs || 1),
    firstTokenMs: now.firstTokenMs / (than.firstTokenMs || 1),
  };
}

function medians(windows: readonly Figures[]): Figures {
  return {
    pingMs: median(windows.map(({ pingMs }) => pingMs)),
    firstTokenMs: median(windows.map(({ firstTokenMs }) => firstTokenMs)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/**
 * What the simulated model is told to say, and when: with that known, a client can check every word it gets, and can
 * subtract the model's time from what it measures. What is left is Parley's (and the machine's) share.
 */

export interface Pace {
  /** Words of the answer. */
  readonly tokens: number;
  /** Words per second. 0: all at once. */
  readonly rate: number;
}

/** The question that leads to exactly `expectedAnswer(pace)` after exactly `scheduledMs(pace.tokens, pace)`. */
export function questionFor({ tokens, rate }: Pace, tool = ""): string {
  return `Tell me a joke. /sim tokens=${tokens} rate=${rate}${tool === "" ? "" : ` ${tool}`}`;
}

/** The simulator's numbered words. */
export function expectedAnswer({ tokens }: Pace): string {
  return Array.from({ length: tokens }, (_, index) => `w${index}`).join(" ");
}

/** How long the model takes for so many words, the first of which comes at once. */
export function scheduledMs(words: number, { rate }: Pace): number {
  return rate === 0 || words <= 1 ? 0 : ((words - 1) * 1_000) / rate;
}

/** How long the model takes between two frames, the later of which brings `words` new words. */
export function scheduledGapMs(words: number, { rate }: Pace): number {
  return rate === 0 ? 0 : (words * 1_000) / rate;
}

/** Parley's share of a measured time. The model is never early by more than a tick, so a negative rest is one of its ticks. */
export function shareOf(measuredMs: number, modelMs: number): number {
  return Math.max(0, measuredMs - modelMs);
}

/** Words that begin in this piece of an answer. */
export function wordsIn(text: string): number {
  return text.split("w").length - 1;
}

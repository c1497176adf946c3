import { weights, type Weights } from "./weights.ts";

/** What is known of a message and one agent, before it is weighed. */
export interface Features extends Record<keyof Weights, number> {}

/** What is known of an agent but for the words. */
export interface Standing {
  /** It gave the answer before, and is not the one that answers what is nobody's. */
  readonly isPrevious: boolean;
  /** It answers what is nobody else's. */
  readonly isDefault: boolean;
  /** Some other agent than that one gave the answer before. */
  readonly isFollowing: boolean;
}

export interface Comparison {
  readonly nearest: number;
  readonly evidence: number;
}

/** Of the whole message. */
export interface Wording {
  readonly words: number;
  /** The share of its words that is in any example. */
  readonly known: number;
  /** It goes on from something that was said before. */
  readonly points: boolean;
}

const as = (is: boolean, value = 1): number => (is ? value : 0);

export function featuresOf(
  words: Comparison,
  grams: Comparison,
  { isPrevious, isDefault, isFollowing }: Standing,
  wording: Wording,
): Features {
  // Of "are you sure?" the pieces say how people ask, and nothing about what.
  const share = wording.words / (4 + wording.words);
  return {
    wordNearest: words.nearest,
    wordEvidence: words.evidence,
    gramNearest: share * grams.nearest,
    gramEvidence: share * grams.evidence,
    previous: as(isPrevious),
    previousShort: as(isPrevious, 1 / (1 + wording.words)),
    previousUnknown: as(isPrevious, 1 - wording.known),
    previousPointing: as(isPrevious && wording.points),
    default: as(isDefault),
    defaultUnknown: as(isDefault, 1 - wording.known),
    defaultFollowing: as(isDefault && isFollowing),
  };
}

/** The probability of each, which together are 1: the weighted sums, by softmax. */
export function likelihoodsOf(features: readonly Features[], by: Weights = weights): number[] {
  const sums = features.map((one) => weighted(one, by));
  const greatest = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - greatest));
  const all = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / all);
}

function weighted(features: Features, by: Weights): number {
  return (
    by.wordNearest * features.wordNearest +
    by.wordEvidence * features.wordEvidence +
    by.gramNearest * features.gramNearest +
    by.gramEvidence * features.gramEvidence +
    by.previous * features.previous +
    by.previousShort * features.previousShort +
    by.previousUnknown * features.previousUnknown +
    by.previousPointing * features.previousPointing +
    by.default * features.default +
    by.defaultUnknown * features.defaultUnknown +
    by.defaultFollowing * features.defaultFollowing
  );
}

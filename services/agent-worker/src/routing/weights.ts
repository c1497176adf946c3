/** What each feature of `likelihood.ts` is worth. */
export interface Weights {
  readonly wordNearest: number;
  readonly wordEvidence: number;
  readonly gramNearest: number;
  readonly gramEvidence: number;
  readonly previous: number;
  readonly previousShort: number;
  readonly previousUnknown: number;
  readonly previousPointing: number;
  readonly default: number;
  readonly defaultUnknown: number;
  readonly defaultFollowing: number;
}

/**
 * Fitted by `npm run eval -- routing --fit`: maximum likelihood of the right agent (conditional logit, with a ridge of 0.002) on the working
 * half of `evals/routing`, messages that a rule decides left out. So what comes out is a probability, not only an order.
 */
export const weights: Weights = {
  wordNearest: 1.941,
  wordEvidence: 0.372,
  gramNearest: 0.858,
  gramEvidence: 0.476,
  previous: 1.544,
  previousShort: 0.843,
  previousUnknown: 1.469,
  previousPointing: 1.534,
  default: 2.177,
  defaultUnknown: 1.663,
  defaultFollowing: -1.517,
};

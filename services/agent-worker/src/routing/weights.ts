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
  wordNearest: 1.937,
  wordEvidence: 0.372,
  gramNearest: 0.859,
  gramEvidence: 0.476,
  previous: 1.481,
  previousShort: 0.744,
  previousUnknown: 1.653,
  previousPointing: 1.491,
  default: 2.193,
  defaultUnknown: 1.622,
  defaultFollowing: -1.526,
};

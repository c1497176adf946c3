/**
 * How often a model is right that says it is so sure: Platt's scaling, `1 / (1 + exp(-(slope × logit(confidence) + offset)))`. Fitted by
 * `npm run eval -- routing --model --fit` on those messages of the working half that words leave open, with the simulated model. Real models are surer
 * than they are right, so the slope is kept at most at one half until it is fitted for the model in use.
 */
export const trust = { slope: 0.5, offset: 0.28 };

/** Nobody is surer than this, or words would not count any more. */
const mostSure = 0.98;

export function trustIn(confidence: number, { slope, offset }: typeof trust = trust): number {
  const bounded = Math.min(mostSure, Math.max(1 - mostSure, confidence));
  return 1 / (1 + Math.exp(-(slope * Math.log(bounded / (1 - bounded)) + offset)));
}

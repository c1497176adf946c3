import { likelihoodsOf, type Features } from "../../../services/agent-worker/src/routing/likelihood.ts";
import type { Weights } from "../../../services/agent-worker/src/routing/weights.ts";

/** A message as the router sees it, and which of the candidates is the right one. */
export interface Lesson {
  readonly candidates: readonly Features[];
  readonly right: number;
}

const ridge = 0.002;
const steps = 3_000;
const rate = 0.03;

const names = [
  "wordNearest",
  "wordEvidence",
  "gramNearest",
  "gramEvidence",
  "previous",
  "previousShort",
  "previousUnknown",
  "previousPointing",
  "default",
  "defaultUnknown",
  "defaultFollowing",
] as const satisfies readonly (keyof Weights)[];

function zeros(): Record<keyof Weights, number> {
  return {
    wordNearest: 0,
    wordEvidence: 0,
    gramNearest: 0,
    gramEvidence: 0,
    previous: 0,
    previousShort: 0,
    previousUnknown: 0,
    previousPointing: 0,
    default: 0,
    defaultUnknown: 0,
    defaultFollowing: 0,
  };
}

/** The weights under which the right agents are likeliest, less a ridge that keeps them small. Adam's steps from zero: the same lessons give the same weights. */
export function fitWeights(lessons: readonly Lesson[]): Weights {
  const [weights, mean, square] = [zeros(), zeros(), zeros()];
  for (let step = 1; step <= steps; step++) {
    const slope = slopeOf(lessons, weights);
    for (const name of names) {
      mean[name] = 0.9 * mean[name] + 0.1 * slope[name];
      square[name] = 0.999 * square[name] + 0.001 * slope[name] ** 2;
      const [first, second] = [mean[name] / (1 - 0.9 ** step), square[name] / (1 - 0.999 ** step)];
      weights[name] -= (rate * first) / (Math.sqrt(second) + 1e-8);
    }
  }
  for (const name of names) weights[name] = Math.round(weights[name] * 1_000) / 1_000;
  return weights;
}

function slopeOf(lessons: readonly Lesson[], weights: Weights): Record<keyof Weights, number> {
  const slope = zeros();
  for (const name of names) slope[name] = ridge * weights[name];
  for (const { candidates, right } of lessons) {
    for (const [at, likelihood] of likelihoodsOf(candidates, weights).entries()) {
      const error = (likelihood - (at === right ? 1 : 0)) / lessons.length;
      for (const name of names) slope[name] += error * (candidates[at]?.[name] ?? 0);
    }
  }
  return slope;
}

/** How the lessons go with weights that were fitted without them: in so many parts, each left out once. */
export function crossValidated(lessons: readonly Lesson[], parts = 8): { accuracy: number; surprise: number } {
  let [right, surprise] = [0, 0];
  for (let part = 0; part < parts; part++) {
    const weights = fitWeights(lessons.filter((_, at) => at % parts !== part));
    for (const lesson of lessons.filter((_, at) => at % parts === part)) {
      const likelihoods = likelihoodsOf(lesson.candidates, weights);
      if (likelihoods.indexOf(Math.max(...likelihoods)) === lesson.right) right++;
      surprise -= Math.log(likelihoods[lesson.right] ?? 1e-9);
    }
  }
  return { accuracy: right / lessons.length, surprise: surprise / lessons.length };
}

import type { Asked } from "./routing-run.ts";

/** The simulated model means what it says of its sureness; real ones say 0.95 of nearly everything. */
const steepest = 0.5;

const logit = (confidence: number): number => {
  const bounded = Math.min(0.98, Math.max(0.02, confidence));
  return Math.log(bounded / (1 - bounded));
};

/** Whether the model was right where it named an agent, or said that there is none. */
function pairsOf(asked: readonly Asked[]): { x: number; y: number }[] {
  return asked.flatMap(({ utterance, opinion }) => {
    if (opinion === undefined) return [];
    const isFallback = utterance.agent === "general" || utterance.agent === utterance.previous;
    const isRight = opinion.agent === undefined ? isFallback : opinion.agent === utterance.agent;
    return [{ x: logit(opinion.confidence), y: isRight ? 1 : 0 }];
  });
}

/** Platt's scaling of what the model says of its own sureness, with a ridge: a few dozen answers say little. */
export function fitTrust(asked: readonly Asked[]): { slope: number; offset: number; answers: number } {
  const pairs = pairsOf(asked);
  let [slope, offset] = [0.5, 0];
  for (let step = 0; step < 20_000 && pairs.length > 0; step++) {
    let [bySlope, byOffset] = [0.02 * (slope - 0.5), 0.02 * offset];
    for (const { x, y } of pairs) {
      const error = (1 / (1 + Math.exp(-(slope * x + offset))) - y) / pairs.length;
      bySlope += error * x;
      byOffset += error;
    }
    slope = Math.min(steepest, slope - 0.05 * bySlope);
    offset -= 0.05 * byOffset;
  }
  const rounded = (value: number): number => Math.round(value * 100) / 100;
  return { slope: rounded(slope), offset: rounded(offset), answers: pairs.length };
}

/** How many bytes of a request a model counts as one token: learned from what its provider says. */

interface Ratio {
  /** Tokens for each byte, and how far single requests are from it. */
  mean: number;
  deviation: number;
}

/** Before anything is known: more than English text and code need, less than scripts of which each character is a token. */
const unknown: Ratio = { mean: 0.3, deviation: 0.1 };
/** As for round trips of a network: the mean moves slowly, and what differs counts double. */
const meanShare = 1 / 8;
const deviationShare = 1 / 4;
const deviations = 2;
const least = 0.02;
const most = 2;
/** What a model's template adds would count too much. */
const leastBytes = 512;
/** Models of one deployment; a message may name any. */
const mostModels = 64;

export interface TokenRatios {
  /** Bytes that come to no more than so many tokens, as far as the model's requests before this one show. */
  bytesFor(model: string, tokens: number): number;
  /** The provider's own count of a request. */
  saw(model: string, bytes: number, tokens: number): void;
}

/** Of this process: the first requests after a start are given less than they could be. */
export function createTokenRatios(): TokenRatios {
  const ratios = new Map<string, Ratio>();
  return {
    bytesFor(model, tokens) {
      const { mean, deviation } = ratios.get(model) ?? unknown;
      return Math.floor(tokens / (mean + deviations * deviation));
    },
    saw(model, bytes, tokens) {
      if (bytes < leastBytes || !(tokens > 0)) return;
      const seen = Math.min(most, Math.max(least, tokens / bytes));
      const known = ratios.get(model);
      ratios.delete(model);
      ratios.set(model, known === undefined ? { mean: seen, deviation: seen / 4 } : moved(known, seen));
      const [oldest] = ratios.keys();
      if (ratios.size > mostModels && oldest !== undefined) ratios.delete(oldest);
    },
  };
}

function moved({ mean, deviation }: Ratio, seen: number): Ratio {
  return {
    mean: mean + meanShare * (seen - mean),
    deviation: deviation + deviationShare * (Math.abs(seen - mean) - deviation),
  };
}

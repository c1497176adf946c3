/** Tokens of a text as a rule of thumb: a quarter of its ASCII, and most of all other characters. */
export function roughTokens(text: string): number {
  let other = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) other++;
  return (text.length - other) / 4 + other * 0.7;
}

/** What has come of an answer. */
export interface Written {
  readonly chars: number;
  /** By the rule of thumb. */
  readonly rough: number;
  /** Pieces in which it came: of most servers one is a token. */
  readonly pieces: number;
}

interface Known {
  /** Tokens for one of the rule of thumb. */
  ratio: number;
  /** Its server sends each token by itself. */
  isPiecewise: boolean;
}

const maxModels = 256;
/** Less says nothing of a ratio. */
const leastTokens = 16;
const [least, most] = [0.2, 5];
const weightOfNew = 0.3;
/** Tokens have some four characters. Larger pieces on the average are several of them. */
const pieceChars = 7;
const fewPieces = 8;

function bounded(ratio: number): number {
  return Math.min(most, Math.max(least, ratio));
}

export type TokenGauge = ReturnType<typeof createTokenGauge>;

/** How many tokens a model counts, by what its provider's own usage has shown of late. */
export function createTokenGauge() {
  const inputs = new Map<string, number>();
  const outputs = new Map<string, Known>();
  const put = <T>(map: Map<string, T>, model: string, value: T): void => {
    if (map.has(model) || map.size < maxModels) map.set(model, value);
  };
  const moved = (from: number | undefined, to: number): number =>
    from === undefined ? bounded(to) : from + weightOfNew * (bounded(to) - from);

  return {
    /** `rough`: by the rule of thumb. */
    input: (model: string, rough: number): number => rough * (inputs.get(model) ?? 1),

    output(model: string, { chars, rough, pieces }: Written): number {
      const known = outputs.get(model);
      if (known !== undefined) return known.isPiecewise ? pieces : rough * known.ratio;
      return pieces >= fewPieces && chars / pieces <= pieceChars ? pieces : rough;
    },

    learnInput(model: string, rough: number, tokens: number): void {
      if (rough >= leastTokens && tokens > 0) put(inputs, model, moved(inputs.get(model), tokens / rough));
    },

    learnOutput(model: string, { rough, pieces }: Written, tokens: number): void {
      if (rough < leastTokens || !(tokens > 0)) return;
      const ratio = moved(outputs.get(model)?.ratio, tokens / rough);
      put(outputs, model, { ratio, isPiecewise: Math.abs(tokens - pieces) <= Math.max(2, tokens * 0.05) });
    },
  };
}

/** Tokens of a text as a rule of thumb: a quarter of its ASCII, and most of all other characters. */
export function roughTokens(text: string): number {
  let other = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) other++;
  return (text.length - other) / 4 + other * 0.7;
}

export type Direction = "input" | "output";

const maxModels = 256;
/** Less says nothing of a ratio. */
const leastTokens = 16;
const [least, most] = [0.2, 5];
const weightOfNew = 0.3;

export type TokenGauge = ReturnType<typeof createTokenGauge>;

/** How many tokens a model really counts for one of the rule of thumb, as its provider's own usage has shown of late. */
export function createTokenGauge() {
  const ratios = new Map<string, number>();
  return {
    tokens: (model: string, direction: Direction, rough: number): number =>
      rough * (ratios.get(`${direction} ${model}`) ?? 1),

    learn(model: string, direction: Direction, { rough, tokens }: { rough: number; tokens: number }): void {
      if (rough < leastTokens || !(tokens > 0)) return;
      const key = `${direction} ${model}`;
      const seen = Math.min(most, Math.max(least, tokens / rough));
      const known = ratios.get(key);
      if (known === undefined && ratios.size >= maxModels) return;
      ratios.set(key, known === undefined ? seen : known + weightOfNew * (seen - known));
    },
  };
}

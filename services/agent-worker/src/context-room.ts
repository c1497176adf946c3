import { jsonBytes } from "@parley/protocol";
import { createTokenRatios } from "./memory/token-ratio.ts";
import type { ModelMessage, ModelTool } from "./model/model.ts";
import { bytesOf } from "./turn-messages.ts";

export interface ContextRoomDeps {
  /** Messages given to a model. */
  readonly contextBytes: number;
  /** The same in tokens; undefined: as many as that comes to. */
  readonly contextTokens?: number | undefined;
  /** How much a model reads at most, its answer included; undefined: nobody has said. */
  readonly readsTokens?: ((model: string | undefined) => number | undefined) | undefined;
}

interface Sent {
  readonly model?: string | undefined;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
}

/** Of what a model reads at most the rest is for its answer. */
const inputShare = 3 / 4;
/** With less nobody could be answered: the provider refuses what is too much. */
const leastBytes = 2_048;

export type ContextRoom = ReturnType<typeof createContextRoom>;

/** How much a model may be given. Where nobody limits tokens nothing is counted. */
export function createContextRoom({ contextBytes, contextTokens, readsTokens }: ContextRoomDeps) {
  const ratios = createTokenRatios();
  const tokensFor = (model: string | undefined): number | undefined => {
    const reads = readsTokens?.(model);
    const tokens = Math.min(contextTokens ?? Infinity, reads === undefined ? Infinity : reads * inputShare);
    return tokens === Infinity ? undefined : tokens;
  };
  const nameOf = (model: string | undefined): string => model ?? "";

  return {
    /** Of messages, beside these tools. */
    bytesFor(model: string | undefined, tools: readonly ModelTool[]): number {
      const tokens = tokensFor(model);
      if (tokens === undefined) return contextBytes;
      const bytes = ratios.bytesFor(nameOf(model), tokens) - jsonBytes(tools);
      return Math.min(contextBytes, Math.max(leastBytes, bytes));
    },

    /** What the provider has counted. */
    counted({ model, messages, tools }: Sent, inputTokens: number): void {
      if (tokensFor(model) === undefined) return;
      ratios.saw(nameOf(model), bytesOf(messages) + jsonBytes(tools), inputTokens);
    },
  };
}

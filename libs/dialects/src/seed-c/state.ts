import type { AnswerMetadata } from "@parley/protocol";
import type { ShownTools } from "../seed/shown-tools.ts";

/** What a client has of its turn. */
export interface Shown {
  /** The answer so far: `partial_response`. */
  text: string;
  /** Who answers and from what, as far as it was told; a cancelled answer does not say it again. */
  metadata: AnswerMetadata;
  readonly tools: ShownTools;
  /** It has been told that the work began. */
  hasBegun: boolean;
}

export function createShown(): Shown {
  return { text: "", metadata: {}, tools: new Map(), hasBegun: false };
}

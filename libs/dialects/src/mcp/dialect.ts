import { chatErrorOf, createTurnView, type FrameError } from "@parley/protocol";
import type { Said, TurnSpeech } from "../turn/speech.ts";
import type { TurnStep } from "../turn/turn-step.ts";
import { failedResult, resultOf, type McpResult } from "./encode.ts";
import { createProgressTeller } from "./state.ts";

export interface McpSpeechOptions {
  /** The id of the request that is answered. */
  readonly requestId: string | number;
  /** Absent: the client wants no progress. */
  readonly progressToken?: string | number;
  /** Where a person decides. */
  readonly address: string;
}

/** A call of an agent's tool as its response stream says it: progress, and one result at the end. */
export function createMcpSpeech({ requestId, progressToken, address }: McpSpeechOptions): TurnSpeech {
  const teller = createProgressTeller();
  let progress = 0;
  const lines = (steps: readonly TurnStep[]): Uint8Array[] =>
    teller.tell(steps).flatMap(({ message }) => {
      progress++;
      if (progressToken === undefined) return [];
      return [frame({ method: "notifications/progress", params: { progressToken, progress, message } })];
    });
  const last = (result: McpResult): Uint8Array => frame({ id: requestId, result });
  return {
    name: "mcp",
    steps: { takesBack: "any" },
    say(steps, place): Said {
      const bytes = lines(steps);
      const end = steps.at(-1);
      if (end?.type !== "ended" && end?.type !== "waiting") return { bytes, next: "more" };
      const where = { ...place, address };
      const view = createTurnView(place.turn_id);
      const turn =
        end.type === "ended"
          ? { ...view, parts: end.parts, outcome: end.outcome, status: end.outcome.type }
          : { ...view, parts: end.calls, status: "waiting" as const };
      return { bytes: [...bytes, last(resultOf(turn, where))], next: "end" };
    },
    refuse: (error: FrameError) => [last(failedResult(chatErrorOf(error)))],
  };
}

function frame(message: object): Uint8Array {
  return Buffer.from(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
}

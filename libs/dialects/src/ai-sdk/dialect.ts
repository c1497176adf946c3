import type { CallId } from "@parley/protocol";
import type { Said, TurnSpeech } from "../turn/speech.ts";
import type { AiSdkVersion } from "./decode.ts";
import { chunksOf, errorChunks, type Chunk } from "./encode.ts";
import { createTold } from "./state.ts";

export interface AiSdkSpeechOptions {
  readonly version: AiSdkVersion;
  /** Calls on which the client has decided: it goes on from there. */
  readonly decided?: readonly CallId[];
}

export const aiSdkDialect = "ai sdk";

/** The headers of its streams, beside those of every stream of events. */
export const aiSdkHeaders = { "x-vercel-ai-ui-message-stream": "v1" } as const;

export const doneBytes = Buffer.from("data: [DONE]\n\n");

export function eventOf(chunk: Chunk): Uint8Array {
  return Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`);
}

/** One turn as a UI message stream of the AI SDK, in server-sent events. */
export function createAiSdkSpeech(options: AiSdkSpeechOptions): TurnSpeech {
  return createChunkSpeech(options, { chunk: eventOf, end: () => doneBytes, cut: () => undefined });
}

/** How chunks are carried. */
export interface ChunkCarrier {
  chunk(chunk: Chunk): Uint8Array;
  end(): Uint8Array;
  /** Undefined: the connection breaks. */
  cut(): Uint8Array | undefined;
}

/** The seventh can be told to take back a step; the others nothing. */
export function createChunkSpeech({ version, decided }: AiSdkSpeechOptions, carrier: ChunkCarrier): TurnSpeech {
  const told = createTold(version, decided);
  const ending = (next: Said["next"]): Uint8Array[] => {
    if (next === "more") return [];
    const last = next === "end" ? carrier.end() : carrier.cut();
    return last === undefined ? [] : [last];
  };
  return {
    name: aiSdkDialect,
    steps: { takesBack: version === 7 ? "step" : "never" },
    say(steps, place) {
      const { chunks, next } = chunksOf(steps, place, told);
      return { bytes: [...chunks.map(carrier.chunk), ...ending(next)], next };
    },
    refuse: (error) => [...errorChunks(error).map(carrier.chunk), carrier.end()],
  };
}

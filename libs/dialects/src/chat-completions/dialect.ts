import { chatErrorOf } from "@parley/protocol";
import { openAiErrorOf } from "../openai/error.ts";
import type { TurnSpeech } from "../turn/speech.ts";
import { encodeStep } from "./encode.ts";
import { createChatCompletionsState, type ChatCompletionsOptions } from "./state.ts";

const encoder = new TextEncoder();
const done = encoder.encode("data: [DONE]\n\n");

function lineOf(value: object): Uint8Array {
  return encoder.encode(`data: ${JSON.stringify(value)}\n\n`);
}

/**
 * A turn as the stream of a chat completion: text, at its end the calls of the client's own tools, and nothing of the agent's. What was sent cannot be taken back:
 * where an answer that begins anew says something else, the connection is cut, which clients take for an error.
 */
export function createChatCompletionsSpeech(options: ChatCompletionsOptions): TurnSpeech {
  const state = createChatCompletionsState(options);
  const hidden = ["tool_call", "source"] as const;
  return {
    name: "chat-completions",
    steps: {
      takesBack: "never",
      without: new Set(options.hasReasoning === true ? hidden : [...hidden, "reasoning"]),
    },
    say(steps, place) {
      const bytes: Uint8Array[] = [];
      for (const step of steps) {
        const { values, next } = encodeStep(step, state, place);
        bytes.push(...values.map(lineOf));
        if (next === "end") return { bytes: [...bytes, done], next };
        if (next === "cut") return { bytes, next };
      }
      return { bytes, next: "more" };
    },
    refuse: (error) => [lineOf(openAiErrorOf(chatErrorOf(error))), done],
  };
}

import { chatErrorOf } from "@parley/protocol";
import { openAiErrorOf } from "../openai/error.ts";
import type { TurnSpeech } from "../turn/speech.ts";
import { encodeStep } from "./encode.ts";
import { createChatCompletionsState, type ChatCompletionsOptions } from "./state.ts";

const encoder = new TextEncoder();
const done = "data: [DONE]\n\n";

function lineOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** What is said together leaves together: behind the first bytes of its end a stream may be closed. */
function bytesOf(text: string): Uint8Array[] {
  return text === "" ? [] : [encoder.encode(text)];
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
      let text = "";
      for (const step of steps) {
        const { values, next } = encodeStep(step, state, place);
        text += values.map(lineOf).join("");
        if (next !== "more") return { bytes: bytesOf(next === "end" ? text + done : text), next };
      }
      return { bytes: bytesOf(text), next: "more" };
    },
    refuse: (error) => bytesOf(lineOf(openAiErrorOf(chatErrorOf(error))) + done),
  };
}

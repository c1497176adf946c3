import { type ChatRequest, textOf } from "./chat-request.ts";
import type { Control, Deviation } from "./control.ts";
import { createReply } from "./reply.ts";
import { countTokens, firstTokens } from "./tokens.ts";
import type { PlannedCall } from "./tool-requests.ts";
import { readTurn } from "./turn.ts";

/** Where a stream leaves the normal path: after this many tokens. */
export type Break = { kind: "stall" | "keepalive" | "cut" | "reset"; afterTokens: number };

/** Everything one answer consists of, before it is written in the provider's format. */
export type Generation = {
  text: string;
  /** What the model thinks before it answers. */
  thoughts: string;
  calls: PlannedCall[];
  finishReason: string;
  usage: { promptTokens: number; completionTokens: number };
  firstMs: number;
  break: Break | undefined;
  deviations: ReadonlySet<Deviation>;
};

/** Deviations that end the text of an answer; a turn that first calls a tool keeps them for its last step. */
const TEXT_DEVIATIONS: ReadonlySet<Deviation> = new Set(["midchunkerror", "badjson"]);

export function createGeneration(request: ChatRequest, asked: Control): Generation {
  const reply = createReply(readTurn(request), asked, request.parallel_tool_calls !== false);
  const callsTool = reply.calls.length > 0;
  const control = callsTool ? forToolStep(asked) : asked;
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  const text = firstTokens(reply.text, limit);
  const calls = control.badargs === true ? reply.calls.map(withBrokenArguments) : reply.calls;
  const finish = text.length < reply.text.length ? "length" : callsTool ? "tool_calls" : "stop";
  const deviations = new Set(control.deviate);
  return {
    text,
    thoughts: thoughtsOf(control.think ?? 0),
    calls,
    finishReason: control.finish ?? (deviations.has("stopreason") ? "stop" : finish),
    usage: {
      promptTokens: request.messages.reduce((sum, entry) => sum + countTokens(textOf(entry)), 0),
      completionTokens:
        (control.think ?? 0) +
        countTokens(text) +
        calls.reduce((sum, call) => sum + countTokens(call.argumentsJson), 0),
    },
    firstMs: control.first_ms ?? 0,
    break: breakOf(control),
    deviations,
  };
}

/** Numbered, so that a loss or a repeat is plain to see. */
function thoughtsOf(tokens: number): string {
  return Array.from({ length: tokens }, (_, i) => `t${i} `).join("");
}

/** What a directive says about the text is about the last step, except that cut-off arguments may end with `length`. */
function forToolStep(control: Control): Control {
  const { rate, think, badargs, finish, deviate } = control;
  return {
    rate,
    think,
    badargs,
    finish: badargs === true ? finish : undefined,
    deviate: deviate?.filter((name) => !TEXT_DEVIATIONS.has(name)),
  };
}

function withBrokenArguments(call: PlannedCall): PlannedCall {
  return { name: call.name, argumentsJson: `${call.argumentsJson.slice(0, -1)}, "cut": "o` };
}

function breakOf({ stall, keepalive, cut, reset }: Control): Break | undefined {
  if (reset !== undefined) return { kind: "reset", afterTokens: reset };
  if (cut !== undefined) return { kind: "cut", afterTokens: cut };
  if (stall !== undefined) return { kind: "stall", afterTokens: stall };
  return keepalive === undefined ? undefined : { kind: "keepalive", afterTokens: keepalive };
}

import { createHash } from "node:crypto";
import type { Generation } from "./generation.ts";
import { countTokens } from "./tokens.ts";

/** What all chunks of one answer share. */
export type CompletionIdentity = { id: string; created: number; model: string };

export const SYSTEM_FINGERPRINT = "fp_simulated";

/** The same request gets the same ids; a caller that names its requests gets new ones for each, as from a provider. */
export function completionId(requestHash: string, clientRequestId: string | undefined): string {
  const digest = createHash("sha256")
    .update(`${requestHash}\n${clientRequestId ?? ""}`)
    .digest("hex");
  return `chatcmpl-simulated-${digest.slice(0, 24)}`;
}

function callId(identity: CompletionIdentity, index: number): string {
  return `call_${createHash("sha256").update(`${identity.id}\n${index}`).digest("hex").slice(0, 24)}`;
}

export type ToolCallBody = {
  index?: number;
  id?: string;
  type?: "function";
  function: { name?: string; arguments: unknown };
};

/** The calls in full, with the deviations that show in each form of the answer. */
export function toolCallBodies(generation: Generation, identity: CompletionIdentity): ToolCallBody[] {
  const { deviations } = generation;
  return generation.calls.map((call, index) => ({
    ...(deviations.has("noindex") ? {} : { index: deviations.has("sameindex") ? 0 : index }),
    id: deviations.has("noid") ? "" : callId(identity, index),
    type: "function",
    function: {
      name: call.name,
      arguments: deviations.has("objectargs") ? asObject(call.argumentsJson) : call.argumentsJson,
    },
  }));
}

function asObject(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

export function usageBody({ usage, thoughts }: Generation) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: countTokens(thoughts),
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** The answer to a request that did not ask for a stream. */
export function completionBody(generation: Generation, identity: CompletionIdentity): string {
  const calls = toolCallBodies(generation, identity).map(({ index: _index, ...call }) => call);
  const message = {
    role: "assistant",
    content: generation.text === "" ? null : generation.text,
    refusal: null,
    ...(generation.thoughts !== "" && { reasoning_content: generation.thoughts }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  const withUsage = generation.deviations.has("nousage") ? {} : { usage: usageBody(generation) };
  return JSON.stringify({
    id: identity.id,
    object: "chat.completion",
    created: identity.created,
    model: identity.model,
    choices: generation.deviations.has("emptychoices")
      ? []
      : [{ index: 0, message, logprobs: null, finish_reason: generation.finishReason }],
    ...withUsage,
    system_fingerprint: SYSTEM_FINGERPRINT,
  });
}

import type { ConversationId } from "@parley/protocol";
import { noSpan } from "@parley/runtime";
import type { ModelCalls } from "./model-call.ts";
import type { ModelClient, ModelEvent, ModelMessage, ModelRequest } from "./model/model.ts";
import { estimateUsage } from "./prompt.ts";

export interface ShortCallDeps {
  readonly model: ModelClient;
  readonly modelCalls: ModelCalls;
  /** Of this process. */
  readonly stopping: AbortSignal;
}

export interface ShortCall {
  /** What it is for, where the agent of a turn's call would stand. */
  readonly purpose: string;
  /** Default: the provider's. */
  readonly modelName: string | undefined;
  readonly conversation: ConversationId;
  readonly requestId: string;
  readonly messages: ModelMessage[];
  readonly maxOutputTokens: number;
  readonly timeoutMs: number;
}

export interface ShortAnswer {
  readonly text: string;
  /** As it calls itself; empty: it did not end. */
  readonly model: string;
}

export type AskShortly = ReturnType<typeof createShortCalls>;

/** Asks the model something beside all turns: one request, without tools and without a repetition. Rejects as the model does, or when its time is over. */
export function createShortCalls({ model, modelCalls, stopping }: ShortCallDeps) {
  return async ({ purpose: agent, modelName, conversation, timeoutMs, ...asked }: ShortCall): Promise<ShortAnswer> => {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)]);
    const request: ModelRequest = { ...asked, tools: [], ...(modelName === undefined ? {} : { model: modelName }) };
    const call = modelCalls({ parent: noSpan, model: modelName, agent, conversation, step: 0, signal });
    let text = "";
    let end: Extract<ModelEvent, { type: "end" }> | undefined;
    try {
      await model.stream(request, signal, (events) => {
        for (const event of events) {
          if (event.type === "text") text += event.text;
          else if (event.type === "retract") text = "";
          else if (event.type === "end") end = event;
          if (event.type !== "end") call.saw();
        }
      });
    } catch (error) {
      call.failed(error);
      throw error;
    }
    if (end !== undefined) call.answered(end, end.usage ?? estimateUsage(request.messages, text));
    return { text, model: end?.model ?? "" };
  };
}

import type { TurnRequest } from "@parley/protocol";
import { noSpan } from "@parley/runtime";
import type { ModelCalls } from "./model-call.ts";
import type { ModelClient, ModelEvent, ModelMessage, ModelRequest } from "./model/model.ts";
import { estimateUsage } from "./prompt.ts";
import type { TurnUsage } from "./turn-usage.ts";

export interface ShortCallDeps {
  readonly model: ModelClient;
  readonly modelCalls: ModelCalls;
  /** What they use counts for whoever has asked. */
  readonly usage: Pick<TurnUsage, "beside">;
  /** Of this process. */
  readonly stopping: AbortSignal;
}

export interface ShortCall {
  /** What it is for; in the figures it stands where the agent of a turn's call would. */
  readonly purpose: Parameters<TurnUsage["beside"]>[1];
  /** Default: the provider's. */
  readonly modelName: string | undefined;
  /** Beside which it is asked. */
  readonly turn: TurnRequest;
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
export function createShortCalls({ model, modelCalls, usage, stopping }: ShortCallDeps) {
  return async ({ purpose, modelName, turn, timeoutMs, ...asked }: ShortCall): Promise<ShortAnswer> => {
    const { conversation_id: conversation } = turn;
    const spending = usage.beside(turn, purpose);
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(timeoutMs)]);
    const named = modelName === undefined ? {} : { model: modelName };
    const request: ModelRequest = { ...asked, ...named, tools: [], meter: spending.meter };
    const call = modelCalls({ parent: noSpan, model: modelName, agent: purpose, conversation, step: 0, signal });
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
      void spending.settle("error");
      call.failed(error);
      throw error;
    }
    void spending.settle("complete");
    if (end !== undefined) call.answered(end, end.usage ?? estimateUsage(request.messages, text));
    return { text, model: end?.model ?? "" };
  };
}

import { toChatError, type Usage } from "@parley/protocol";
import { noSpan, traceNames, type ChildSpan, type Logger, type SpanAttributes, type TraceSpan } from "@parley/runtime";
import type { ModelEvent } from "./model/model.ts";
import type { Provider } from "./model/provider.ts";
import type { RetryNotice } from "./model/retry.ts";

/** What a model call came to: `ok`, `stopped` (cancelled, handed over, fenced), or an error code. */
export interface ModelCallFigures {
  readonly model: string;
  readonly result: string;
  readonly durationMs: number;
  /** Undefined: nothing came. */
  readonly firstTokenMs: number | undefined;
  readonly usage: Usage | undefined;
}

export interface ModelCallsDeps {
  readonly provider: Pick<Provider, "name" | "model" | "baseURL">;
  readonly onCall: (figures: ModelCallFigures) => void;
  readonly onRetry: (code: string) => void;
  readonly log: Logger;
}

export interface NewModelCall {
  /** Where the model is. Default: at the provider. */
  readonly provider?: Pick<Provider, "name" | "baseURL">;
  /** Of the turn. */
  readonly parent: TraceSpan;
  readonly model: string | undefined;
  readonly agent: string;
  readonly conversation: string;
  readonly step: number;
  readonly signal: AbortSignal;
}

export interface ModelCall {
  /** Something of the answer has come. Called very often, so it only remembers when that was first. */
  saw(): void;
  retried(notice: RetryNotice): void;
  answered(end: Extract<ModelEvent, { type: "end" }>, usage: Usage): void;
  failed(error: unknown): void;
  /** Another model was asked beside it, and is the one that answers. */
  movedTo(model: string): void;
}

export type ModelCalls = ReturnType<typeof createModelCalls>;

/** Figures and a span for each call of the model, retries included. No content of the conversation is in either, and no error of theirs in a turn. */
export function createModelCalls(deps: ModelCallsDeps) {
  const open = createOpenCall(deps);
  /** A figure that cannot be taken is a bug, and costs nobody an answer that is paid for. */
  const attempt = <Value>(act: () => Value, otherwise: Value): Value => {
    try {
      return act();
    } catch (error) {
      deps.log.error({ err: error }, "a model call is not in the figures");
      return otherwise;
    }
  };

  return (call: NewModelCall): ModelCall => {
    const figures = attempt(() => open(call), uncounted);
    return {
      saw: figures.saw,
      retried: (notice) => attempt(() => figures.retried(notice), undefined),
      answered: (end, usage) => attempt(() => figures.answered(end, usage), undefined),
      failed: (error) => attempt(() => figures.failed(error), undefined),
      movedTo: figures.movedTo,
    };
  };
}

const uncounted: ModelCall = { saw() {}, retried() {}, answered() {}, failed() {}, movedTo() {} };

function createOpenCall({ provider, onCall, onRetry }: ModelCallsDeps) {
  const server = serverOf(provider);

  return (call: NewModelCall): ModelCall => {
    let model = call.model ?? provider.model;
    const at = call.provider === undefined ? server : serverOf(call.provider);
    const span = call.parent === noSpan ? noSpan : call.parent.child(chatSpan(call, model, at));
    const startedMs = performance.now();
    let firstTokenMs: number | undefined;
    const settle = (result: string, usage?: Usage): void => {
      if (firstTokenMs !== undefined) span.set({ [traceNames.timeToFirstChunk]: firstTokenMs / 1_000 });
      span.end();
      onCall({ model, result, durationMs: performance.now() - startedMs, firstTokenMs, usage });
    };
    return {
      saw() {
        firstTokenMs ??= performance.now() - startedMs;
      },
      retried({ code, attempt, waitMs }) {
        span.event("retry", { [traceNames.code]: code, attempt, wait_ms: waitMs });
        onRetry(code);
      },
      answered({ finish, model: answering }, usage) {
        span.set({
          [traceNames.responseModel]: answering,
          [traceNames.finishReasons]: [finish],
          [traceNames.inputTokens]: usage.input_tokens,
          [traceNames.outputTokens]: usage.output_tokens,
        });
        settle("ok", usage);
      },
      failed(error) {
        if (call.signal.aborted) return settle("stopped");
        const { code } = toChatError(error);
        span.fail(code);
        settle(code);
      },
      movedTo(other) {
        model = other;
      },
    };
  };
}

function serverOf({ name, baseURL }: Pick<Provider, "name" | "baseURL">): SpanAttributes {
  const { hostname, port, protocol } = new URL(baseURL);
  return {
    [traceNames.provider]: name,
    [traceNames.serverAddress]: hostname,
    [traceNames.serverPort]: Number(port) || (protocol === "https:" ? 443 : 80),
  };
}

function chatSpan({ agent, conversation, step }: NewModelCall, model: string, server: SpanAttributes): ChildSpan {
  return {
    name: `chat ${model}`,
    kind: "client",
    attributes: {
      ...server,
      [traceNames.operation]: "chat",
      [traceNames.requestModel]: model,
      [traceNames.requestStream]: true,
      [traceNames.conversation]: conversation,
      [traceNames.agent]: agent,
      [traceNames.step]: step,
    },
  };
}

import { ChatError, type Usage } from "@parley/protocol";
import type { Agent } from "./agents/agent.ts";
import type { Chain } from "./chain.ts";
import type { ClaimedTurn } from "./claimed-turn.ts";
import { partyOf } from "./fair-queue.ts";
import type { FenceOf } from "./fences.ts";
import { maskedRequest } from "./guards/masked-model.ts";
import type { ModelCall, ModelCalls } from "./model-call.ts";
import type { ModelClient, ModelEvent, ModelRequest, RequestedCall } from "./model/model.ts";
import { streamWithRetry, type RestartEvent, type RetryNotice } from "./model/retry.ts";
import { streamInOrder, type Choice, type HedgeResult } from "./model-routes/model-order.ts";
import type { ModelRoute } from "./model-routes/model-route.ts";
import type { ModelRoutes } from "./model-routes/model-routes.ts";
import { estimateUsage } from "./prompt.ts";
import type { StepWriter } from "./step-writer.ts";

export interface ReadingDeps {
  readonly model: ModelClient;
  /** Which models are asked, and in which order, where somebody has said so. */
  readonly routes: Pick<ModelRoutes, "orderOf">;
  /** Figures and spans. */
  readonly modelCalls: ModelCalls;
  /** How often an answer without text and calls is asked for again. */
  readonly emptyRetries: number;
  /** What no text of others can know. */
  readonly fenceOf: FenceOf;
  readonly onChosen: (choice: Choice) => void;
  readonly onHedged: (result: HedgeResult) => void;
}

export interface ReadingInput {
  readonly turn: Pick<ClaimedTurn, "stop" | "span" | "request" | "fold">;
  readonly chain: Pick<Chain, "push" | "stored">;
  readonly agent: Pick<Agent, "name" | "model" | "fallbacks" | "maskBeforeProvider">;
  readonly step: number;
  readonly writer: StepWriter;
}

export interface Reading {
  readonly calls: readonly RequestedCall[];
  readonly end: Extract<ModelEvent, { type: "end" }>;
  readonly usage: Usage;
}

/** Reads one answer into the chain, as it comes: of the model that is wanted, or of the first of an order that answers. */
export function createReading(deps: ReadingDeps) {
  const { model, routes, emptyRetries } = deps;

  return async (request: ModelRequest, input: ReadingInput): Promise<Reading> => {
    const { turn, chain, agent, writer } = input;
    const order = routes.orderOf({ asked: turn.request.model, agent });
    const call = createCall(deps, request, input, order === undefined);
    try {
      const answer = createAnswerFold({ writer, call, chain });
      const isMasked = agent.maskBeforeProvider === true;
      const masked = isMasked ? maskedRequest(request, deps.fenceOf(turn.request.turn_id)) : undefined;
      const asked = masked?.request ?? request;
      const options = {
        signal: turn.stop.signal,
        emptyRetries,
        onRetry: call.retried,
        onEvents: masked?.unmasking(answer.onEvents) ?? answer.onEvents,
      };
      if (order === undefined) await streamWithRetry(model, asked, options);
      else await streamInOrder(order, { ...asked, party: partyOf(turn.request) }, { ...options, ...call.telling });
      const reading = answer.reading();
      const usage = reading.end.usage ?? estimateUsage(request.messages, writer.written());
      call.answered(reading.end, usage);
      return { ...reading, usage };
    } catch (error) {
      call.failed(error);
      throw error;
    }
  };
}

/** The figures of one answer, and what viewers and others are told on the way to it. Each model that is asked has a call of its own. */
function createCall(deps: ReadingDeps, request: ModelRequest, input: ReadingInput, isPlain: boolean) {
  const { turn, chain, agent, step } = input;
  const { stop, span: parent, fold } = turn;
  const { conversation_id: conversation } = turn.request;
  const common = { parent, agent: agent.name, conversation, step, signal: stop.signal };
  let current: ModelCall | undefined = isPlain ? deps.modelCalls({ ...common, model: request.model }) : undefined;

  const onChosen = (choice: Choice): void => {
    chain.push({ type: "progress", step: "model", message: sentenceOf(choice), model: choice.to.name });
    deps.onChosen(choice);
  };
  const onHedged = (result: HedgeResult): void => {
    if (result.won === "second") current?.movedTo(result.second.name);
    deps.onHedged(result);
  };
  const telling = {
    committed: fold.decisions.model,
    stored: chain.stored,
    onChosen,
    onHedged,
    onAsked({ name, provider }: ModelRoute): void {
      current = deps.modelCalls({ ...common, model: name, provider });
    },
    onFailed: (_route: ModelRoute, error: ChatError): void => current?.failed(error),
  };
  return {
    telling,
    saw: () => current?.saw(),
    retried: (notice: RetryNotice) => current?.retried(notice),
    answered: (end: Reading["end"], usage: Usage) => current?.answered(end, usage),
    failed: (error: unknown) => current?.failed(error),
  };
}

function sentenceOf({ from, to: { name }, why }: Choice): string {
  if (why === "quicker") return `The model ${name} was quicker than ${from}, and answers`;
  const reason = why === "open" ? "has failed too often of late" : "cannot answer at the moment";
  return `The model ${from} ${reason}; ${name} is asked instead`;
}

const without = {
  without_tools: { step: "tools", message: "The model takes no tools; it answers without them" },
  without_images: { step: "files", message: "The model cannot see images; it answers without them" },
} as const;

function isWithout(type: string): type is keyof typeof without {
  return Object.hasOwn(without, type);
}

interface AnswerFoldDeps {
  readonly writer: StepWriter;
  readonly call: Pick<ModelCall, "saw">;
  readonly chain: Pick<Chain, "push">;
}

/** Folds what the model says: text goes to the writer, joined as it came together. */
function createAnswerFold({ writer, call, chain }: AnswerFoldDeps) {
  let calls: RequestedCall[] = [];
  let end: Reading["end"] | undefined;
  const told = new Set<string>();

  /** In the words of `createToolOffer`, at the same place. Once, although a repeated request says it again. */
  const tellWithout = (what: keyof typeof without): void => {
    if (!told.has(what)) chain.push({ type: "progress", ...without[what] });
    told.add(what);
  };
  const take = (event: Exclude<ModelEvent | RestartEvent, { type: "text" }>): void => {
    if (event.type === "restart") writer.restart();
    else if (event.type === "reasoning") writer.reasoning(event.text);
    else if (event.type === "retract") writer.retract();
    else if (isWithout(event.type)) tellWithout(event.type);
    else if (event.type === "tool_calls") calls = event.calls;
    else if (event.type === "end") end = event;
  };

  return {
    onEvents(events: readonly (ModelEvent | RestartEvent)[]): void {
      if (events[0]?.type !== "end") call.saw();
      let text = "";
      for (const event of events) {
        if (event.type === "text") {
          text += event.text;
          continue;
        }
        writer.text(text);
        text = "";
        take(event);
      }
      writer.text(text);
    },
    reading(): Omit<Reading, "usage"> {
      if (end === undefined) throw new ChatError("MODEL_TRUNCATED");
      return { calls, end };
    },
  };
}

import { spentOf, type Usage } from "@parley/protocol";
import type { Meter, MeteredRequest, ModelEvent, ModelRequest } from "../model/model.ts";
import type { Price } from "../model/model-table.ts";
import { estimateUsage } from "../prompt.ts";
import { addedUsage } from "./added-usage.ts";
import { withCost } from "./cost.ts";
import { roughTokens, type TokenGauge } from "./token-gauge.ts";
import type { HeldRequest, TurnHold } from "./turn-hold.ts";
import type { UncommittedCalls } from "./uncommitted-calls.ts";

/** What models are asked for. */
export type Purpose = "answer" | "title" | "classifier" | "summary" | "embedding" | "moderation" | "lost";

/** What one request has used. */
export interface SpentCall {
  readonly model: string;
  readonly purpose: Purpose;
  readonly usage: Usage;
}

export interface TurnSpendingDeps {
  readonly priceOf: (model: string) => Price | undefined;
  readonly gauge: TokenGauge;
  readonly onSpent: (call: SpentCall) => void;
  /** Of money that counts. */
  readonly currency: string;
  /** Undefined: nothing is limited. */
  readonly hold: TurnHold | undefined;
  /** Of earlier attempts. */
  readonly lost: Readonly<UncommittedCalls>;
}

export interface TurnSpending {
  /** For requests of models, by what they are asked for. */
  meter(purpose: Purpose): Meter;
  /** What was used otherwise, as by embeddings. */
  add(call: SpentCall): void;
  /** What was used since the last time, for the event that commits it; undefined: nothing. */
  take(): Usage | undefined;
  /** Before the end: what calls of lost workers have used counts although nobody was asked again. `message`: what they have read at the least. */
  takeLast(message: string): Usage | undefined;
  /** Who was asked last. */
  lastModel(): string | undefined;
}

const noCalls: UncommittedCalls = { calls: 0, chars: 0 };

/** Counts what one attempt at a turn uses: each request that goes to a provider, by its own word, or by estimate where it has not said it. */
export function createTurnSpending(deps: TurnSpendingDeps): TurnSpending {
  const { priceOf, onSpent, currency, hold } = deps;
  let pending: Usage | undefined;
  let lost: Readonly<UncommittedCalls> = deps.lost;
  let last: string | undefined;

  const spend = (call: SpentCall, held?: HeldRequest): Usage => {
    const usage = withCost(call.usage, priceOf(call.model));
    pending = pending === undefined ? usage : addedUsage(pending, usage);
    const spent = spentOf(usage, currency);
    if (held === undefined) hold?.add(spent);
    else held.ended(spent);
    onSpent({ ...call, usage });
    return usage;
  };
  /** They have read what is read now, or about as much. */
  const spendLost = (model: string, inputTokens: number): void => {
    const { calls, chars } = lost;
    lost = noCalls;
    if (calls === 0) return;
    const usage = { input_tokens: calls * inputTokens, output_tokens: Math.ceil(chars / 4), estimated: true };
    spend({ model, purpose: "lost", usage });
  };

  const take = (): Usage | undefined => {
    const taken = pending;
    pending = undefined;
    return taken;
  };

  return {
    meter: (purpose) => ({
      begin(request, model) {
        last = model;
        if (lost.calls > 0) spendLost(model, estimateUsage(request.messages, "").input_tokens);
        return createCounting(deps, { request, model }, (usage, held) => spend({ model, purpose, usage }, held));
      },
    }),
    add: (call) => void spend(call),
    take,
    takeLast(message) {
      spendLost(last ?? "", Math.ceil(message.length / 4));
      return take();
    },
    lastModel: () => last,
  };
}

interface Asked {
  readonly request: ModelRequest;
  readonly model: string;
}

function isWritten(event: ModelEvent): event is Extract<ModelEvent, { type: "text" | "reasoning" }> {
  return event.type === "text" || event.type === "reasoning";
}

/** Tool definitions are read like the messages are. */
function roughInput({ messages, tools }: ModelRequest): number {
  return estimateUsage(messages, "").input_tokens + (tools.length === 0 ? 0 : JSON.stringify(tools).length / 4);
}

/** What comes of an answer, in characters; more exactly where something is limited. */
function createWritten(isLimited: boolean) {
  const written = { chars: 0, rough: 0, pieces: 0 };
  const add = (text: string): void => {
    written.chars += text.length;
    if (!isLimited) return;
    written.pieces++;
    written.rough += roughTokens(text);
  };
  return {
    written,
    count(event: ModelEvent): void {
      if (isWritten(event)) add(event.text);
      else if (event.type === "tool_calls") for (const { name, arguments: args } of event.calls) add(name + args);
    },
  };
}

/** One request. Where nothing is limited it counts characters, and no more. */
function createCounting(
  { gauge, hold, priceOf }: TurnSpendingDeps,
  { request, model }: Asked,
  spend: (usage: Usage, held: HeldRequest | undefined) => Usage,
): MeteredRequest {
  const { written, count } = createWritten(hold !== undefined);
  let told = 0;
  /** As its provider says. */
  let whole: number | undefined;
  const price = priceOf(model);
  const inputTokens = (): number => Math.ceil(gauge.input(model, roughInput(request)));
  const inputSpent = (tokens: number) => ({ tokens, micros: tokens * (price?.in ?? 0) });
  const held = hold?.begin(inputSpent(inputTokens()), price?.out ?? 0);
  const estimated = (): Usage => {
    const output = whole ?? (held === undefined ? written.chars / 4 : gauge.output(model, written));
    return { input_tokens: inputTokens(), output_tokens: Math.ceil(output), estimated: true };
  };
  const learn = ({ input_tokens, output_tokens }: Usage): void => {
    gauge.learnInput(model, roughInput(request), input_tokens);
    gauge.learnOutput(model, written, output_tokens);
  };
  const tell = (tokens: number): number => {
    held?.wrote(tokens - told);
    told = tokens;
    return tokens;
  };

  return {
    limit: held && {
      ...held,
      count(event) {
        count(event);
        return tell(gauge.output(model, written));
      },
      counted: (outputTokens) => void (whole = tell(outputTokens)),
    },
    saw: (events) => events.forEach(count),
    ended(usage) {
      if (usage !== undefined && held !== undefined) learn(usage);
      return spend(usage ?? estimated(), held);
    },
    brokeOff(isFree) {
      if (isFree) held?.ended({ tokens: 0, micros: 0 });
      else spend(estimated(), held);
    },
  };
}

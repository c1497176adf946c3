import type { Bus } from "@parley/bus";
import {
  errorTable,
  messageIdOf,
  type ChatError,
  type LogRecord,
  type Outcome,
  type TurnRequest,
} from "@parley/protocol";
import type { Chain } from "./chain.ts";
import { addUsage, finishedCalls, type TurnFold } from "./turn-fold.ts";

/** What all outcomes share, from what is stored: text that viewers have not seen is not part of the message. */
function shared(request: TurnRequest, fold: TurnFold) {
  return {
    response: fold.text,
    message_id: messageIdOf(request.turn_id, "assistant"),
    tool_calls: finishedCalls(fold),
    usage: fold.usage,
  };
}

/** What a broken-off model step cost is not known exactly: about four characters a token. */
function withPartialStep(request: TurnRequest, fold: TurnFold) {
  const partial = fold.text.length - fold.committedText.length;
  if (partial === 0) return shared(request, fold);
  const estimate = {
    input_tokens: Math.ceil(request.message.length / 4),
    output_tokens: Math.ceil(partial / 4),
    estimated: true,
  };
  return { ...shared(request, fold), usage: addUsage(fold.usage, estimate) };
}

export function cancelledOutcome(request: TurnRequest, fold: TurnFold, reason: string): Outcome {
  return { type: "cancelled", ...withPartialStep(request, fold), reason };
}

export function errorOutcome(request: TurnRequest, fold: TurnFold, error: ChatError): Outcome {
  return {
    type: "error",
    error: error.message,
    code: error.code,
    retryable: errorTable[error.code].retryable,
    ...(error.retryAfterMs === undefined ? {} : { retry_after_ms: error.retryAfterMs }),
    ...withPartialStep(request, fold),
  };
}

export function completeOutcome(
  request: TurnRequest,
  fold: TurnFold,
  metadata: Extract<Outcome, { type: "complete" }>["metadata"],
): Outcome {
  return { type: "complete", ...shared(request, fold), metadata };
}

type NewRecord = Omit<LogRecord, "prev">;

/** The two transcript records of a turn. A pure function of the log, so that every attempt writes the same. */
export function recordsOf(request: TurnRequest, outcome: Outcome): [NewRecord, NewRecord] {
  const { conversation_id, turn_id, user } = request;
  const common = { v: 1 as const, conversation_id, turn_id, ts: request.accepted_at };
  return [
    {
      ...common,
      message_id: messageIdOf(turn_id, "user"),
      author: { role: "user", id: user.id, ...(user.name === undefined ? {} : { name: user.name }) },
      message: request.message,
      status: "complete",
    },
    {
      ...common,
      message_id: outcome.message_id,
      author: { role: "assistant" },
      message: outcome.response,
      status: outcome.type,
      tool_calls: outcome.tool_calls,
      usage: outcome.usage,
      ...(outcome.type === "error" ? { code: outcome.code } : {}),
      ...(outcome.type === "complete" ? { metadata: outcome.metadata } : {}),
    },
  ];
}

/**
 * Ends a turn, in an order that survives a crash between any two lines: decide (`ending`, in the fenced chain), store the transcript,
 * tell the viewers. Whoever takes over after the first line does the other two with the same content.
 */
export async function endTurn(
  request: TurnRequest,
  fold: TurnFold,
  chain: Chain,
  outcome: Outcome,
  { transcripts }: Pick<Bus, "transcripts">,
): Promise<void> {
  if (fold.ending === undefined) {
    chain.push({ type: "ending", outcome });
    await chain.stored();
  }
  for (const record of recordsOf(request, outcome)) await transcripts.append(record);
  chain.push(outcome);
  await chain.stored();
}

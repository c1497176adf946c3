import {
  fitMessage,
  jsonBytes,
  messageIdOf,
  messageRecordsOf,
  partsOfMessage,
  turnOfRecord,
  type KnownPart,
  type NewTurnRecord,
  type Outcome,
  type TurnRecord,
} from "@parley/protocol";
import type { ClaimedTurn } from "./claimed-turn.ts";

/** 1: a record for each message. 2: one for the turn. Both are read by all versions that know 2. */
export type RecordFormat = 1 | 2;

export interface RecordsOptions {
  readonly format: RecordFormat;
  /** The largest record that the broker takes. */
  readonly maxBytes: number;
}

type RecordedTurn = Pick<ClaimedTurn, "request" | "place" | "queuedAt" | "fold">;

/** What a record has beside its content: how it names those before it (13 digits each), and its message's headers. */
const linkBytes = 1_024;

/**
 * The records of a turn that has been decided to end. A pure function of the log, so that every attempt writes the same. A turn that is too large for
 * one record, as only texts can be of which JSON makes a multiple, gets one for each message.
 */
export function recordsOf(
  turn: RecordedTurn,
  outcome: Outcome,
  { format, maxBytes }: RecordsOptions,
): [NewTurnRecord, ...NewTurnRecord[]] {
  const record = turnRecordOf(turn, outcome);
  if (format === 2 && jsonBytes(record) + linkBytes <= maxBytes) return [record];
  const [question, answer] = messageRecordsOf(record, turnOfRecord(record, 0));
  if (question === undefined || answer === undefined) throw new Error("a turn that has ended has two messages");
  return [fitMessage(question, maxBytes), answer];
}

function turnRecordOf({ request, place, queuedAt, fold }: RecordedTurn, outcome: Outcome): Omit<TurnRecord, "prev"> {
  const { conversation_id, turn_id, id, user, message, accepted_at: ts } = request;
  const { message_id, usage, type: status } = outcome;
  const author = { role: "user" as const, id: user.id, ...(user.name === undefined ? {} : { name: user.name }) };
  return {
    ...{ v: 2, kind: "turn", conversation_id, turn_id, place, queued_at: queuedAt },
    question: { message_id: messageIdOf(turn_id, "user"), author, parts: partsOfMessage({ message }), ts, id },
    answer: {
      ...{ message_id, author: { role: "assistant" }, parts: answerParts(fold, outcome), ts, status, usage },
      ...(outcome.type === "error" ? { code: outcome.code, retryable: outcome.retryable } : {}),
      ...(outcome.type === "complete" ? { metadata: withoutSources(outcome.metadata) } : {}),
    },
  };
}

type Metadata = Extract<Outcome, { type: "complete" }>["metadata"];

/** They are parts. That there were none is said here. */
function withoutSources({ context, ...metadata }: Metadata): Metadata {
  return context?.sources.length === 0 ? { ...metadata, context } : metadata;
}

/**
 * The answer in the order in which it came: the text of each committed step, then its calls; what it rests on first of all. The text and the calls
 * are those of the outcome, which may have been cut; where its text is another than that of the steps (the log was lost in mid-turn) nobody
 * knows their order.
 */
function answerParts({ steps }: Pick<ClaimedTurn["fold"], "steps">, outcome: Outcome): KnownPart[] {
  const { response: message, tool_calls } = outcome;
  const metadata = outcome.type === "complete" ? outcome.metadata : undefined;
  const calls = new Map(tool_calls.map((call) => [call.call_id, call]));
  const parts = partsOfMessage({ message: "", metadata });
  let text = "";
  const close = (): void => {
    if (text !== "") parts.push({ type: "text", text });
    text = "";
  };
  let told = 0;
  for (const step of steps) {
    const own = step.text.slice(0, message.length - told);
    if (!message.startsWith(own, told)) return partsOfMessage({ message, tool_calls, metadata });
    told += own.length;
    text += own;
    for (const { call_id } of step.calls) {
      const call = calls.get(call_id);
      if (call === undefined) continue;
      close();
      parts.push({ type: "tool_call", ...call });
      calls.delete(call_id);
    }
  }
  if (calls.size > 0) return partsOfMessage({ message, tool_calls, metadata });
  text += message.slice(told);
  close();
  return parts;
}

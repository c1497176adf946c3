import {
  authorOf,
  beginning,
  callPart,
  fitMessage,
  isReasoning,
  isSource,
  isText,
  isToolCall,
  jsonBytes,
  messageIdOf,
  messageRecordsOf,
  partsOfMessage,
  storedApproval,
  textOf,
  turnOfRecord,
  type FinishedToolCall,
  type NewTurnRecord,
  type Outcome,
  type Part,
  type RecordFormat,
  type ToolCallPart,
  type TurnRecord,
} from "@parley/protocol";
import type { ClaimedTurn } from "./claimed-turn.ts";

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
  return [fitMessage(question, maxBytes), withOrderWithin(maxBytes - linkBytes, answer)];
}

type MessageRecord = ReturnType<typeof messageRecordsOf>[number];

/** Text and calls have their room, and what came in between has what is left: reasoning goes first, then the order. */
function withOrderWithin(maxBytes: number, record: MessageRecord): MessageRecord {
  const { order, ...plain } = record;
  if (order === undefined || jsonBytes(record) <= maxBytes) return record;
  const short = { ...plain, order: order.filter((place) => !("part" in place && isReasoning(place.part))) };
  return jsonBytes(short) <= maxBytes ? short : plain;
}

function turnRecordOf({ request, place, queuedAt, fold }: RecordedTurn, outcome: Outcome): Omit<TurnRecord, "prev"> {
  const { conversation_id, turn_id, id, message, parent, supersedes, accepted_at: ts } = request;
  const { files, reply_to, mentions } = request;
  const { message_id, author: answerer = { role: "assistant" }, usage, type: status } = outcome;
  // Whoever takes over writes the same: it is the time of the stored decision. No clock puts an answer before its question.
  const endedAt = Math.max(ts, fold.endedAt);
  const author = authorOf(request);
  return {
    ...{ v: 2, kind: "turn", conversation_id, turn_id, place, queued_at: queuedAt },
    ...(parent === undefined ? {} : { parent: parent ?? beginning }),
    ...(supersedes === undefined ? {} : { supersedes }),
    question: {
      ...{ message_id: messageIdOf(turn_id, "user"), author, parts: partsOfMessage({ message, files }), ts, id },
      ...(reply_to === undefined ? {} : { reply_to }),
      ...(mentions === undefined ? {} : { mentions }),
    },
    answer: {
      ...{
        message_id,
        author: answerer,
        parts: [...answerParts(fold, outcome)],
        ts: endedAt,
        status,
        usage,
      },
      ...(outcome.type === "error" ? { code: outcome.code, retryable: outcome.retryable } : {}),
      ...(outcome.type === "complete" ? { metadata: withoutSources(outcome.metadata) } : {}),
    },
  };
}

type Metadata = Extract<Outcome, { type: "complete" }>["metadata"];

/** They are parts. That there were none is said here, and what was found and cited. */
function withoutSources({ context, ...metadata }: Metadata): Metadata {
  if (context === undefined) return metadata;
  const isSaid = context.sources.length === 0 || context.found !== undefined;
  return isSaid ? { ...metadata, context: { ...context, sources: [] } } : metadata;
}

/**
 * The answer in the order in which it came. Its text and calls are those of the outcome, which may have been cut; where its text is no beginning of
 * what the log has (which was lost in mid-turn) nobody knows their order.
 */
function answerParts({ parts }: Pick<ClaimedTurn["fold"], "parts">, outcome: Outcome): readonly Part[] {
  const { response: message, tool_calls } = outcome;
  const metadata = outcome.type === "complete" ? outcome.metadata : undefined;
  const calls = new Map(tool_calls.map((call) => [call.call_id, call]));
  let told = 0;
  const kept = parts.flatMap((part): Part[] => {
    if (isToolCall(part)) return takeCall(calls, part);
    if (!isText(part)) return [part];
    const text = part.text.slice(0, message.length - told);
    told += text.length;
    return text === "" ? [] : [{ ...part, text }];
  });
  if (calls.size > 0 || textOf(kept) !== message) return partsOfMessage({ message, tool_calls, metadata });
  const sources = kept.some(isSource) ? [] : partsOfMessage({ message: "", metadata });
  return [...sources, ...kept].reduce<Part[]>(withPart, []);
}

/** Texts between which there is nothing any more are one. */
function withPart(parts: Part[], part: Part): Part[] {
  const last = parts.at(-1);
  if (last === undefined || !isText(last) || !isText(part)) return [...parts, part];
  return parts.with(parts.length - 1, { ...last, text: last.text + part.text });
}

/** None: it has no result, or there is no room for it. */
function takeCall(calls: Map<string, FinishedToolCall>, { call_id, approval }: ToolCallPart): Part[] {
  const call = calls.get(call_id);
  calls.delete(call_id);
  return call === undefined
    ? []
    : [callPart(approval === undefined ? call : { ...call, approval: storedApproval(approval) })];
}

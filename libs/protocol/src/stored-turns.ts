import { beginning } from "./branch-fields.ts";
import type { TurnPlace } from "./branches.ts";
import { errorRowOf } from "./error-table.ts";
import type { AnswerMetadata } from "./answer-metadata.ts";
import type { TurnId } from "./ids.ts";
import { isUsualOrder, orderWithApprovals, partsInOrder, type PartContent } from "./part-order.ts";
import type { Part } from "./parts.ts";
import { isSource, isToolCall, textOf } from "./parts-fold.ts";
import type { TranscriptMessage } from "./transcript-message.ts";
import { FinishedToolCall } from "./tool-calls.ts";
import { LogRecord, wasAcceptedBefore } from "./transcript.ts";
import { TurnRecord } from "./turn-record.ts";

/** A turn as the transcript has it, whatever versions its records are of. */
export interface StoredTurn {
  readonly turn_id: TurnId;
  /** Sequence in `LOG` of its first record. */
  readonly seq: number;
  /** Its sequence in the queue, and when it came there by the broker's clock. */
  readonly place?: number | undefined;
  readonly queued_at?: number | undefined;
  readonly question?: TranscriptMessage | undefined;
  /** The client's own id of the question; records of version 1 do not have it. */
  readonly asked?: string | undefined;
  readonly answer?: TranscriptMessage | undefined;
}

/** A record that tells of a turn: all of it, or one of its messages. */
export type AnyTurnRecord = LogRecord | TurnRecord;
/** One that is not stored yet: it does not name those before it. */
export type NewTurnRecord = NewMessageRecord | Omit<TurnRecord, "prev" | "back">;
type NewMessageRecord = Omit<LogRecord, "prev" | "back">;

/** Undefined: it is not of a turn, or only a newer version can read it. Version 1 has no `kind`. */
export function readTurnRecord(value: unknown): AnyTurnRecord | undefined {
  const hasKind = typeof value === "object" && value !== null && "kind" in value;
  return hasKind ? TurnRecord.safeParse(value).data : LogRecord.safeParse(value).data;
}

/**
 * What one record says of its turn. A message of version 1 has parts only where it says their order: of another one who has seen the turn knows more
 * of that than the record.
 */
export function turnOfRecord(record: NewTurnRecord, seq: number): StoredTurn {
  const { turn_id, place, queued_at } = record;
  const common = { turn_id, seq, place, queued_at };
  if ("kind" in record) {
    const { id: asked } = record.question;
    return { ...common, asked, question: questionOf(record), answer: answerOf(record) };
  }
  const message = messageOf(record);
  return record.author.role === "assistant" ? { ...common, answer: message } : { ...common, question: message };
}

function messageOf(record: NewMessageRecord & Partial<Pick<LogRecord, "prev" | "back">>): TranscriptMessage {
  const { v: _v, conversation_id: _id, prev: _prev, back: _back, place: _place, queued_at: _at, ...content } = record;
  const { order, ...plain } = content;
  const parts = order && partsInOrder(order, contentOf(plain));
  return withFailure(parts === undefined ? plain : { ...plain, parts });
}

/** The sentence is not stored, and old records do not say the other: readers have no table of codes. */
function withFailure(message: TranscriptMessage): TranscriptMessage {
  if (message.code === undefined) return message;
  const { sentence: error, retryable } = errorRowOf(message.code);
  return { error, retryable, ...message };
}

function contentOf({ message: text, tool_calls: calls = [], metadata }: TranscriptMessage): PartContent {
  return { text, calls, sources: metadata?.context?.sources };
}

function questionOf(record: Pick<TurnRecord, "turn_id" | "question" | "parent" | "supersedes">): TranscriptMessage {
  const { turn_id, parent, supersedes, question } = record;
  const { id: _id, ...message } = question;
  return {
    ...message,
    turn_id,
    message: textOf(question.parts),
    status: "complete",
    ...(parent === undefined ? {} : { parent: parent === beginning ? null : parent }),
    ...(supersedes === undefined ? {} : { supersedes }),
  };
}

function answerOf({ turn_id, answer }: Pick<TurnRecord, "turn_id" | "answer">): TranscriptMessage {
  const { parts, metadata } = answer;
  return withFailure({
    ...answer,
    turn_id,
    message: textOf(parts),
    tool_calls: parts.flatMap(finishedCallOf),
    ...(metadata === undefined ? {} : { metadata: withSources(metadata, parts) }),
  });
}

/** Messages of a turn as records of version 1, without what can be derived: of the parts of an answer their order alone, where it is not the usual one. */
export function messageRecordsOf(
  { conversation_id, turn_id, place, queued_at }: NewTurnRecord,
  { question, answer }: Pick<StoredTurn, "question" | "answer">,
): NewMessageRecord[] {
  const common = { v: 1, conversation_id, turn_id, place, queued_at };
  return [question, answer].flatMap((message) => {
    if (message === undefined) return [];
    const { parts = [], error: _error, ...plain } = message;
    const { sources } = contentOf(message);
    const order = orderWithApprovals(parts, sources);
    return [{ ...common, ...plain, ...(isUsualOrder(order, sources) ? {} : { order }) }];
  });
}

function finishedCallOf(part: Part): FinishedToolCall[] {
  if (!isToolCall(part)) return [];
  const { data: call } = FinishedToolCall.safeParse(part);
  return call === undefined ? [] : [call];
}

/** Version 2 keeps them as parts only, and what they say stays there: it would be told twice. */
function withSources(metadata: AnswerMetadata, parts: readonly Part[]): AnswerMetadata {
  if ((metadata.context?.sources.length ?? 0) > 0) return metadata;
  const sources = parts.filter(isSource);
  if (sources.length === 0) return metadata;
  return {
    ...metadata,
    context: {
      ...metadata.context,
      sources: sources.map(({ type: _type, url: _url, passage: _passage, ...source }) => source),
    },
  };
}

/**
 * The turns of a conversation, in the order in which they were accepted, from what its records say, in the order of the log. Of a message that is
 * there twice the first one counts. In the log a turn that was cancelled while it waited stands before the one that ran, or between its question
 * and its answer.
 */
export function turnsOf(recorded: readonly StoredTurn[]): StoredTurn[] {
  const turns = new Map<TurnId, StoredTurn>();
  for (const one of recorded) turns.set(one.turn_id, merged(turns.get(one.turn_id), one));
  return inOrderOfAcceptance(turns.values());
}

/** Turns as the log has them, in the order in which they were accepted. */
export function inOrderOfAcceptance<T extends Pick<StoredTurn, "place" | "queued_at">>(turns: Iterable<T>): T[] {
  const inOrder: T[] = [];
  for (const turn of turns) {
    let at = inOrder.length;
    while (at > 0 && wasAcceptedBefore(turn, inOrder[at - 1])) at--;
    inOrder.splice(at, 0, turn);
  }
  return inOrder;
}

/** Where it stands in its conversation, as far as it says. */
export function turnPlaceOf({ turn_id, question }: Pick<StoredTurn, "turn_id" | "question">): TurnPlace {
  const { parent, supersedes, siblings } = question ?? {};
  return { turn_id, parent, supersedes, siblings };
}

function merged(first: StoredTurn | undefined, later: StoredTurn): StoredTurn {
  if (first === undefined) return later;
  const { place, queued_at } = first.place === undefined ? later : first;
  return {
    ...first,
    place,
    queued_at,
    question: first.question ?? later.question,
    asked: first.asked ?? later.asked,
    answer: first.answer ?? later.answer,
  };
}

/** The transcript of these turns. */
export function messagesOf(turns: readonly StoredTurn[]): TranscriptMessage[] {
  return turns.flatMap(({ question, answer }) => [question, answer]).filter((message) => message !== undefined);
}

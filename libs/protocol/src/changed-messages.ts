import { filesOf } from "./file-parts.ts";
import type { MessageChanges } from "./message-changes.ts";
import { partsOfMessage } from "./outcome.ts";
import type { TranscriptMessage } from "./transcript-message.ts";
import type { StoredTurn } from "./stored-turns.ts";

/** Messages as they stand now: what was written, with what became of it laid over it. Pure. */

/** What became of messages, by their ids. */
export type Changes = ReadonlyMap<string, MessageChanges>;

/** The same object where nothing of it has changed. */
export function changedMessage(message: TranscriptMessage, changes: MessageChanges | undefined): TranscriptMessage {
  if (changes?.deleted_at !== undefined) return withoutText(message);
  if (changes?.message === undefined || changes.message === message.message) return message;
  const { parts = [], ...rest } = message;
  const files = filesOf(parts);
  const text = { message: changes.message };
  // Of a text alone whoever reads it makes the same parts.
  return files.length === 0 ? { ...rest, ...text } : { ...rest, ...text, parts: partsOfMessage({ ...text, files }) };
}

/** What is left of a deleted message: its place. Nothing that it said, called or was made from. */
export function withoutText(message: TranscriptMessage): TranscriptMessage {
  const { metadata: _metadata, error: _error, mentions: _mentions, ...rest } = message;
  const calls = message.tool_calls === undefined ? {} : { tool_calls: [] };
  return { ...rest, message: "", parts: [], ...calls };
}

/** The same list where nothing of it has changed. */
export function changedTurns(turns: readonly StoredTurn[], changes: Changes): readonly StoredTurn[] {
  if (changes.size === 0) return turns;
  return turns.map((turn) => {
    const question = turn.question && changedMessage(turn.question, changes.get(turn.question.message_id));
    const answer = turn.answer && changedMessage(turn.answer, changes.get(turn.answer.message_id));
    return question === turn.question && answer === turn.answer ? turn : { ...turn, question, answer };
  });
}

export function messageIdsOf(turns: readonly StoredTurn[]): string[] {
  return turns.flatMap(({ question, answer }) =>
    [question, answer].flatMap((message) => (message === undefined ? [] : [message.message_id])),
  );
}

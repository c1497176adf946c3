import type { MessageView } from "@parley/protocol/fold";

type Told = Pick<MessageView, "message_id" | "author" | "status">;

/** An answer that has ended, however. */
function isAnswer({ author, status }: Told): boolean {
  return author.role === "assistant" && status !== "running" && status !== "waiting";
}

export function endedAnswers<T extends Told>(messages: readonly T[]): readonly T[] {
  return messages.filter(isAnswer);
}

/**
 * Answers behind the last message that was seen. When that one is not among those at hand, all of them came later; when none was ever seen,
 * nobody waits for any.
 */
export function unreadAnswers<T extends Told>(messages: readonly T[], seen: string | undefined): readonly T[] {
  if (seen === undefined) return [];
  const place = messages.findIndex(({ message_id }) => message_id === seen);
  return messages.slice(place + 1).filter(isAnswer);
}

/** The last message that can be called seen: one that is still being written is not. */
export function lastSeen(messages: readonly Told[]): string | undefined {
  return messages.findLast((message) => isAnswer(message) || message.author.role !== "assistant")?.message_id;
}

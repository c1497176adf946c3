import { limits, type ConversationId } from "@parley/protocol";
import type { ConversationEnd, ConversationEnds } from "./conversation-ends.ts";

export interface UnreadQuery {
  readonly userId: string;
  /** As far as they have read. */
  readonly post: number;
  readonly turn: number;
}

/** Records that are read for one conversation: of those before them it is known that there are so many. */
const mostRead = 8;

/**
 * Counts messages of others: posts by their numbers, turns by what their newest record names of those before it. Whoever writes has read what was there, so nothing counts that is
 * behind a message of their own.
 */
export async function countUnread(
  ends: ConversationEnds,
  conversation: ConversationId,
  { userId, post, turn }: UnreadQuery,
): Promise<number> {
  const end = await ends.of(conversation);
  const { posts, ownSeq } = unreadPosts(end.post, userId, post);
  const seqs = (end.turn?.seqs ?? []).filter((seq) => seq > Math.max(turn, ownSeq));
  const { count, isWhole } = await countTurns(ends, conversation, { userId, seqs });
  // Of a long conversation the newest record does not name them all.
  const isMore = isWhole && seqs.length > limits.recordsBack + 1;
  return isMore ? limits.unreadShown : Math.min(posts + count, limits.unreadShown);
}

/** `ownSeq`: of the last post, where that is their own; else 0. */
function unreadPosts(last: ConversationEnd["post"], userId: string, read: number) {
  if (last === undefined) return { posts: 0, ownSeq: 0 };
  const isOwn = last.newest?.post?.author.id === userId;
  return isOwn ? { posts: 0, ownSeq: last.seqs[0] ?? 0 } : { posts: Math.max(0, last.n - read), ownSeq: 0 };
}

/** Messages of the turns with records at these places, newest first, up to the first that the user has asked. `isWhole`: none of them has. */
async function countTurns(
  ends: ConversationEnds,
  conversation: ConversationId,
  { userId, seqs }: { readonly userId: string; readonly seqs: readonly number[] },
): Promise<{ readonly count: number; readonly isWhole: boolean }> {
  let count = 0;
  for (const seq of seqs.slice(0, mostRead)) {
    const record = await ends.at(conversation, seq);
    const { authorId, questions, answers } = record ?? { authorId: undefined, questions: 1, answers: 1 };
    if (authorId === userId) return { count: count + answers, isWhole: false };
    count += questions + answers;
  }
  return { count: count + 2 * Math.max(0, seqs.length - mostRead), isWhole: true };
}

import { limits, type ConversationId } from "@parley/protocol";
import type { ConversationEnds } from "./conversation-ends.ts";

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
  const own = end.post?.newest?.post?.author.id === userId ? (end.post.seqs[0] ?? 0) : 0;
  const posts = end.post === undefined || own > 0 ? 0 : Math.max(0, end.post.n - post);
  const seqs = (end.turn?.seqs ?? []).filter((seq) => seq > Math.max(turn, own));
  let count = posts;
  for (const [i, seq] of seqs.entries()) {
    if (count >= limits.unreadShown) break;
    const record = i < mostRead ? await ends.at(conversation, seq) : undefined;
    count += record === undefined ? 2 : record.answers;
    if (record?.authorId === userId) break;
    count += record?.questions ?? 0;
  }
  // Of a long conversation the newest record does not name them all.
  const isMore = seqs.length > limits.recordsBack + 1;
  return isMore ? limits.unreadShown : Math.min(count, limits.unreadShown);
}

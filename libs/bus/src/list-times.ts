import { redisKeys, type ConversationId } from "@parley/protocol";
import type { Redis } from "ioredis";

/** Where a user's list of conversations is: a sorted set by the time of what happened last. User ids are any text. */
export function conversationListKey(userId: string): string {
  return redisKeys.conversationsOf(Buffer.from(userId).toString("base64url"));
}

export type ListTimes = ReturnType<typeof createListTimes>;

/** Moves conversations in the lists of their users. Without the lists, which edges make, it does nothing. */
export function createListTimes(redis: Redis) {
  return {
    /** Something happened: an answer has ended. One that is not listed, as when it was deleted meanwhile, does not come back. Rejects while Redis is away. */
    async touch(userId: string, conversation: ConversationId, atMs: number): Promise<void> {
      await redis.zadd(conversationListKey(userId), "XX", "GT", atMs, conversation);
    },
  };
}

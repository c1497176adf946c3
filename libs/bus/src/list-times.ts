import { redisKeys, type ConversationId } from "@parley/protocol";
import { sleep } from "@parley/runtime";
import type { Redis } from "ioredis";

/** Where a user's list of conversations is: a sorted set by the time of what happened last. User ids are any text. */
export function conversationListKey(userId: string): string {
  return redisKeys.conversationsOf(Buffer.from(userId).toString("base64url"));
}

export type ListTimes = ReturnType<typeof createListTimes>;

interface Touched {
  readonly userId: string;
  readonly conversation: ConversationId;
  readonly atMs: number;
}

/** Ends are told together after so long, in one write: one for each would cost every short turn a fiftieth of what its worker takes. */
const tellAfterMs = 200;

/** Moves conversations in the lists of their users. Without the lists, which edges make, it does nothing. */
export function createListTimes(redis: Redis) {
  let waiting: Touched[] = [];
  let telling: Promise<void> | undefined;
  let hurry = new AbortController();

  const tell = async (): Promise<void> => {
    await sleep(tellAfterMs, hurry.signal);
    const touched = waiting;
    waiting = [];
    telling = undefined;
    const pipeline = redis.pipeline();
    for (const { userId, conversation, atMs } of touched)
      pipeline.zadd(conversationListKey(userId), "XX", "GT", atMs, conversation);
    const results = await pipeline.exec();
    const failed = results?.find(([error]) => error !== null)?.[0];
    if (failed !== undefined && failed !== null) throw failed;
  };

  return {
    /**
     * Something happened: an answer has ended. One that is not listed, as when it was deleted meanwhile, does not come back. It is told within 200 ms; rejects
     * while Redis is away.
     */
    touch(userId: string, conversation: ConversationId, atMs: number): Promise<void> {
      waiting.push({ userId, conversation, atMs });
      telling ??= tell();
      return telling;
    },

    /** Tells at once what waits. Never throws. */
    async flush(): Promise<void> {
      const told = telling;
      hurry.abort();
      hurry = new AbortController();
      await told?.catch(() => {});
    },
  };
}

import { answeredWithin } from "@parley/bus";
import { ChatError, type ConversationId, type Limits } from "@parley/protocol";
import type { Redis } from "../commands/conversations/conversation-index.ts";
import type { Spender } from "../commands/message-limits.ts";
import type { LimitRefusals } from "./limit-refusals.ts";

export interface MessageCountsDeps {
  readonly redis: Redis | undefined;
  readonly current: () => Limits;
  readonly refusals: LimitRefusals;
  /** Redis is waited for no longer than this. */
  readonly deadlineMs: number;
}

/** Counted from the beginning again when so long nobody has written. */
const keptSeconds = 30 * 86_400;
const restMs = 1_000;

/** How many messages a conversation has. While Redis is away nothing is counted: nobody gets far within an outage. */
export function createMessageCounts({ redis, current, refusals, deadlineMs }: MessageCountsDeps) {
  let restsUntilMs = -Infinity;

  const count = async (conversation: ConversationId): Promise<number | undefined> => {
    if (redis?.status !== "ready" || performance.now() < restsUntilMs) return undefined;
    try {
      const key = keyOf(conversation);
      const counting = Promise.all([redis.incr(key), redis.expire(key, keptSeconds)]);
      const [messages] = await answeredWithin(counting, deadlineMs);
      return messages;
    } catch {
      restsUntilMs = performance.now() + restMs;
      return undefined;
    }
  };

  const giveBack = (conversation: ConversationId): void => {
    redis?.decr(keyOf(conversation)).catch(() => {
      // One too many of ten thousand.
    });
  };

  return {
    /** `allowed` rejects with QUOTA_EXCEEDED. `giveBack`: it came before, or was refused. */
    add(conversation: ConversationId, spender: Spender) {
      const counting = count(conversation);
      const check = (messages: number | undefined): void => {
        const most = current().messages_per_conversation;
        if (messages === undefined || messages <= most) return;
        const message = `A conversation has ${most} messages at most. Begin a new one.`;
        throw refusals.of("messages_per_conversation", new ChatError("QUOTA_EXCEEDED", { message }), spender);
      };
      return {
        allowed: counting.then(check),
        giveBack: (): void =>
          void counting.then((messages) => (messages === undefined ? undefined : giveBack(conversation))),
      };
    },
  };
}

function keyOf(conversation: ConversationId): string {
  return `limits:messages:${conversation}`;
}

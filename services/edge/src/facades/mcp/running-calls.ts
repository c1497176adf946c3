import { createHash } from "node:crypto";
import { placeOfMcpTask, type TurnPlace } from "@parley/dialects";
import { sharedKeyPrefixes, type Caller } from "@parley/protocol";
import type { Redis } from "../../commands/conversations/conversation-index.ts";

export type RunningCalls = ReturnType<typeof createRunningCalls>;

/** Longer than a request may wait. */
const keptSeconds = 3_600;

/**
 * Which turn a running request is, for clients before 2026-07-28: they stop a call by a message of its own, which any edge may get. All that it says is the number of
 * the request, which each client begins to count at 0: of two clients with the same token and number at the same time neither is stopped.
 */
export function createRunningCalls(redis: Pick<Redis, "sadd" | "expire" | "srem" | "smembers"> | undefined) {
  const keyOf = ({ user, credential, session, address }: Caller, id: string | number): string => {
    const who = JSON.stringify([user.id, credential?.hash ?? session ?? address, id]);
    return `${sharedKeyPrefixes.tickets}mcp-call:${createHash("sha256").update(who).digest("base64url")}`;
  };
  const valueOf = ({ conversation_id, turn_id }: TurnPlace): string => `${conversation_id}.${turn_id}`;
  return {
    begun(caller: Caller, id: string | number, place: TurnPlace): void {
      const key = keyOf(caller, id);
      // Without it the call cannot be stopped by such a client; it runs all the same.
      void redis
        ?.sadd(key, valueOf(place))
        .then(() => redis.expire(key, keptSeconds))
        .catch(() => {});
    },
    ended(caller: Caller, id: string | number, place: TurnPlace): void {
      void redis?.srem(keyOf(caller, id), valueOf(place)).catch(() => {});
    },
    /** Undefined: none is known, or several are. */
    async find(caller: Caller, id: string | number): Promise<TurnPlace | undefined> {
      const [one, ...others] = (await redis?.smembers(keyOf(caller, id)).catch(() => [])) ?? [];
      return one === undefined || others.length > 0 ? undefined : placeOfMcpTask(one);
    },
  };
}

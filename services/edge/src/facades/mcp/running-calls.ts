import { createHash, randomBytes } from "node:crypto";
import { placeOfMcpTask, type TurnPlace } from "@parley/dialects";
import { sharedKeyPrefixes, type Caller } from "@parley/protocol";
import type { Call } from "../../transport/route.ts";
import type { Redis } from "../../commands/conversations/conversation-index.ts";

/** Names one client before 2026-07-28: told at `initialize`, and sent with all that it asks from then on. */
export const sessionHeader = "mcp-session-id";

/** Nothing is kept of a session: its name only tells apart what two clients of one user number the same. */
export function newSession(): string {
  return randomBytes(16).toString("base64url");
}
const form = /^[\w-]{22}$/;

/** A request by the number that its client gave it. */
export interface NumberedCall {
  readonly caller: Caller;
  readonly session: string;
  readonly id: string | number;
}

/** Undefined: its client shows no session, as one does that was not told of any; such a call cannot be named by another request. */
export function numbered({ caller, exchange }: Call, id: string | number): NumberedCall | undefined {
  const session = exchange.header(sessionHeader);
  return form.test(session) ? { caller, session, id } : undefined;
}

export type RunningCalls = ReturnType<typeof createRunningCalls>;

/** Longer than a request may wait. */
const keptMs = 3_600_000;

/**
 * Which turn a running request is, for clients before 2026-07-28: they stop a call by a message of its own, which any edge may get, and which says no more than the
 * request's number. Each client begins to count at 0, so a number means something only together with the session of the client that gave it. Each entry has its own
 * deadline: one whose edge was killed is nobody's after it, whatever was entered beside it.
 */
export function createRunningCalls(redis: Pick<Redis, "multi" | "zrem" | "zrangebyscore"> | undefined) {
  const keyOf = ({ caller: { user, tenant }, session, id }: NumberedCall): string => {
    const whose = JSON.stringify([user.id, tenant ?? null, session, id]);
    return `${sharedKeyPrefixes.mcp}call:${createHash("sha256").update(whose).digest("base64url")}`;
  };
  const valueOf = ({ conversation_id, turn_id }: TurnPlace): string => `${conversation_id}.${turn_id}`;
  return {
    begun(call: NumberedCall, place: TurnPlace): void {
      const key = keyOf(call);
      // Without it the call cannot be stopped by such a client; it runs all the same.
      void redis
        ?.multi()
        .zadd(key, Date.now() + keptMs, valueOf(place))
        .pexpire(key, keptMs)
        .exec()
        .catch(() => {});
    },
    ended(call: NumberedCall, place: TurnPlace): void {
      void redis?.zrem(keyOf(call), valueOf(place)).catch(() => {});
    },
    /** Undefined: none is known, or several are, of a client that gives one number twice. */
    async find(call: NumberedCall): Promise<TurnPlace | undefined> {
      const running = await redis?.zrangebyscore(keyOf(call), Date.now(), "+inf").catch(() => []);
      const [one, ...others] = running ?? [];
      return one === undefined || others.length > 0 ? undefined : placeOfMcpTask(one);
    },
  };
}

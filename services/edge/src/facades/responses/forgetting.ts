import { setTimeout as wait } from "node:timers/promises";
import type { Caller, ConversationId } from "@parley/protocol";
import type { SocketFacadeDeps } from "../../transport/facade.ts";

/** Not at once: what a socket had just asked may still be on its way into the queue. */
const triesMs = [500, 5_000, 30_000, 120_000, 600_000] as const;

export type Forgetting = ReturnType<typeof createForgetting>;

/** Deletes conversations that live as long as a socket. This process has to live on for that: of one that is killed they stay, as any other, until they are deleted. */
export function createForgetting({
  conversations,
  ownership,
  log,
}: Pick<SocketFacadeDeps, "conversations" | "ownership" | "log">) {
  const forget = async (conversation: ConversationId, caller: Caller): Promise<void> => {
    let failure: unknown;
    for (const tryMs of triesMs) {
      await wait(tryMs, undefined, { ref: false });
      try {
        // A message that was refused made no conversation; one that is late may still make it.
        if (!(await ownership.isOwn(conversation, caller))) continue;
        await ownership.check(conversation, caller, "conversation:delete");
        return await conversations.delete(conversation, caller);
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== undefined) log.warn({ err: failure, conversation }, "a conversation that was not to be kept is");
  };
  return {
    /** Waits for nothing. */
    forget: (conversation: ConversationId, caller: Caller): void => void forget(conversation, caller),
  };
}

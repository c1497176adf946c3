import type { VisibleEvent } from "@parley/dialects";
import type { ConversationId } from "@parley/protocol";
import type { Hub } from "./hub.ts";
import { isChange } from "./visible-event.ts";

/** Some 100 bytes each: far more than have their first change within a second. */
const mostSeen = 10_000;

/**
 * Conversations in which this process has seen that a message was changed. It may remember for a moment longer that there is no such thing in one, and must not show what it has told
 * to be gone.
 */
export function createSeenChanges() {
  const seen = new Set<ConversationId>();
  const add = (conversation: ConversationId): void => {
    seen.add(conversation);
    const [oldest] = seen;
    if (seen.size > mostSeen && oldest !== undefined) seen.delete(oldest);
  };
  return {
    add,
    has: (conversation: ConversationId): boolean => seen.has(conversation),
    look({ conversation }: Hub, event: VisibleEvent): void {
      if (isChange(event)) add(conversation);
    },
  };
}

import { ChatError, type ConversationId } from "@parley/protocol";
import type { Connection } from "../delivery/connection.ts";

/** Lets the frames behind this one pass while it waits for something that is none of theirs; resolves when it is this one's turn again. */
export type Aside = (wait: Promise<void>) => Promise<void>;

/** Messages of one connection that may have stepped aside at a time: each is kept, and looks at the queue, for seconds. */
const mostAside = 8;

/**
 * Handles a message that may step aside: an interrupt waits until what it stopped has left a full queue, and nobody else's frames wait for that. Later
 * messages of the same conversation stay behind it. Throws QUEUE_FULL where too many are aside.
 */
export async function inOrder(
  connection: Connection,
  conversation: ConversationId | undefined,
  aside: Aside,
  handle: (aside: Aside) => Promise<void>,
): Promise<void> {
  if (conversation === undefined) return handle(aside);
  const before = connection.aside?.get(conversation);
  let leave: (() => void) | undefined;
  const step: Aside = async (wait) => {
    // There is nobody behind it that it could wait for: it may as well hold up the others.
    if (leave === undefined && connection.asideCount >= mostAside) return wait;
    leave ??= enter(connection, conversation);
    await aside(wait);
  };
  try {
    if (before !== undefined) {
      if (connection.asideCount >= mostAside) throw new ChatError("QUEUE_FULL", { retryAfterMs: 2_000 });
      await step(before);
    }
    await handle(step);
  } finally {
    leave?.();
  }
}

/** Returns how to leave. */
function enter(connection: Connection, conversation: ConversationId): () => void {
  const all = (connection.aside ??= new Map<ConversationId, Promise<void>>());
  let end = (): void => {};
  const done = new Promise<void>((resolve) => (end = resolve));
  all.set(conversation, done);
  connection.asideCount++;
  return () => {
    connection.asideCount--;
    if (all.get(conversation) === done) all.delete(conversation);
    end();
  };
}

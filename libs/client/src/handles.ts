import type { Conversation } from "./conversation-handle.ts";
import type { ConversationPort } from "./conversation.ts";
import type { SendKeeper } from "./send-keeper.ts";
import type { StoredMessage } from "./send-store.ts";

/** The handles of a client's conversations, one per id, and what comes and goes with them: messages of an earlier page, or of a handle that was released. */
export interface Handles {
  readonly get: (id: string) => ConversationPort;
  /** Those that there are, by id. */
  readonly ports: ReadonlyMap<string, ConversationPort>;
  readonly release: (conversation: Pick<Conversation, "id" | "unsubscribe">) => void;
  /** The one that only a message of an earlier page has called for goes when that is answered. */
  readonly answered: (port: ConversationPort) => void;
  /** As `auth_success` named the user; undefined before. */
  readonly userId: () => string | undefined;
  /** Whose connection it is now. */
  readonly bind: (userId: string) => void;
  readonly close: (reason: Error) => void;
}

export function createHandles(keeper: SendKeeper, create: (id: string) => ConversationPort): Handles {
  const ports = new Map<string, ConversationPort>();
  /** Those that nobody has asked for. */
  const unclaimed = new Set<string>();
  let user: string | undefined;
  let closed: Error | undefined;

  function portOf(id: string): ConversationPort {
    const port = ports.get(id) ?? create(id);
    ports.set(id, port);
    if (closed) port.close(closed, false);
    return port;
  }

  function restore(): void {
    for (const message of keeper.take((stored) => stored.user_id === user && isDue(stored, ports))) {
      const { conversation_id: id } = message;
      if (!ports.has(id)) unclaimed.add(id);
      portOf(id).outbox.restore(message);
    }
  }

  function release({ id, unsubscribe }: Pick<Conversation, "id" | "unsubscribe">): void {
    unsubscribe();
    ports.get(id)?.close(new Error("The conversation was released."), true);
    ports.delete(id);
    unclaimed.delete(id);
  }

  return {
    get: (id) => {
      const port = portOf(id);
      unclaimed.delete(id);
      restore();
      return port;
    },
    ports,
    release,
    answered: ({ conversation, outbox }) =>
      void (unclaimed.has(conversation.id) && !outbox.isWaiting() && release(conversation)),
    userId: () => user,
    bind: (userId) => {
      const isOther = user !== undefined && user !== userId;
      user = userId;
      for (const port of ports.values()) port.bind(userId, isOther);
      restore();
      // Where reading the store takes longer than connecting.
      void keeper.load().then(restore);
    },
    close: (reason) => {
      // What is still read of the store is for the next page.
      user = undefined;
      closed = reason;
      for (const port of ports.values()) port.close(reason, false);
    },
  };
}

/** What is to be sent; and what has failed of conversations with a handle, the others' waits for somebody who looks. */
function isDue({ conversation_id, error }: StoredMessage, ports: ReadonlyMap<string, unknown>): boolean {
  return !error || ports.has(conversation_id);
}

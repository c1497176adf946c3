import type { ConversationPort } from "./conversation.ts";
import type { SendKeeper } from "./send-keeper.ts";
import type { StoredMessage } from "./send-store.ts";

/** The handles of a client's conversations, one per id, and what comes and goes with them: messages of an earlier page, or of a handle that was released. */
export interface Handles {
  readonly get: (id: string) => ConversationPort;
  readonly find: (id: string) => ConversationPort | undefined;
  readonly all: () => ConversationPort[];
  readonly release: (id: string) => void;
  /** The one that only a message of an earlier page has called for goes when that is answered. */
  readonly answered: (port: ConversationPort) => void;
  /** As `auth_success` named the user; undefined before. */
  readonly userId: () => string | undefined;
  /** Whose connection it is now. */
  readonly bind: (userId: string) => void;
  readonly close: (reason: Error) => void;
}

export function createHandles(keeper: SendKeeper, create: (id: string) => ConversationPort): Handles {
  const { ports, portOf, close } = createPorts(create);
  /** Those that nobody has asked for. */
  const unclaimed = new Set<string>();
  let user: string | undefined;

  function restore(): void {
    const isWanted = (message: StoredMessage): boolean => message.user_id === user && isDue(message, ports);
    for (const message of keeper.take(isWanted)) {
      const { conversation_id: id } = message;
      if (!ports.has(id)) unclaimed.add(id);
      portOf(id).outbox.restore(message);
    }
  }

  function release(id: string): void {
    const port = ports.get(id);
    port?.close(new Error("The conversation was released."), true);
    port?.outbox.failed().forEach(keeper.setAside);
    ports.delete(id);
    unclaimed.delete(id);
  }

  function get(id: string): ConversationPort {
    const port = portOf(id);
    unclaimed.delete(id);
    restore();
    return port;
  }

  return {
    get,
    find: (id) => ports.get(id),
    all: () => [...ports.values()],
    release,
    answered: ({ conversation: { id, unsubscribe }, outbox }) => {
      if (!unclaimed.has(id) || outbox.isWaiting()) return;
      unsubscribe();
      release(id);
    },
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
      close(reason);
    },
  };
}

function createPorts(create: (id: string) => ConversationPort) {
  const ports = new Map<string, ConversationPort>();
  let closed: Error | undefined;
  return {
    ports,
    portOf: (id: string): ConversationPort => {
      const known = ports.get(id);
      if (known !== undefined) return known;
      const port = create(id);
      if (closed !== undefined) port.close(closed, false);
      ports.set(id, port);
      return port;
    },
    close: (reason: Error): void => {
      closed = reason;
      for (const port of ports.values()) port.close(reason, false);
    },
  };
}

/** What is to be sent; and what has failed of conversations with a handle, the others' waits for somebody who looks. */
function isDue({ conversation_id, error }: StoredMessage, ports: ReadonlyMap<string, unknown>): boolean {
  return error === undefined || ports.has(conversation_id);
}

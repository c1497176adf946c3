import type { ConversationPort } from "./conversation.ts";
import type { SendKeeper } from "./send-keeper.ts";

/** The handles of a client's conversations, one per id, and what comes and goes with them: messages of an earlier page, or of a handle that was released. */
export interface Handles {
  readonly get: (id: string) => ConversationPort;
  readonly find: (id: string | undefined) => ConversationPort | undefined;
  readonly all: () => ConversationPort[];
  readonly release: (id: string, reason: Error) => void;
  /** The one that only a message of an earlier page has called for goes when that is answered. */
  readonly answered: (port: ConversationPort) => void;
  /** Whose connection it is now. */
  readonly bind: (userId: string) => void;
  readonly close: (reason: Error) => void;
}

interface HandlesDeps {
  readonly create: (id: string) => ConversationPort;
  readonly keeper: SendKeeper;
}

export function createHandles(deps: HandlesDeps): Handles {
  const { keeper } = deps;
  const held: Held = { ports: new Map(), unclaimed: new Set(), user: undefined, closed: undefined };
  const { ports, unclaimed } = held;
  return {
    get: (id) => {
      const port = ports.get(id) ?? add(held, deps, id);
      unclaimed.delete(id);
      restore(held, deps);
      return port;
    },
    find: (id) => (id === undefined ? undefined : ports.get(id)),
    all: () => [...ports.values()],
    release: (id, reason) => release(held, deps, id, reason),
    answered: ({ conversation: { id, unsubscribe }, isWaiting }) => {
      if (!unclaimed.has(id) || isWaiting()) return;
      unsubscribe();
      release(held, deps, id, new Error("The conversation was released."));
    },
    bind: (userId) => {
      held.user = userId;
      for (const port of ports.values()) port.bind(userId);
      restore(held, deps);
      // Where reading the store takes longer than connecting.
      void keeper.load().then(() => restore(held, deps));
    },
    close: (reason) => {
      held.closed = reason;
      for (const port of ports.values()) port.close(reason, false);
    },
  };
}

interface Held {
  readonly ports: Map<string, ConversationPort>;
  /** Those that nobody has asked for. */
  readonly unclaimed: Set<string>;
  user: string | undefined;
  closed: Error | undefined;
}

function add({ ports, closed }: Held, { create }: HandlesDeps, id: string): ConversationPort {
  const port = create(id);
  if (closed !== undefined) port.close(closed, false);
  ports.set(id, port);
  return port;
}

/** What is to be sent; and what has failed of conversations with a handle, the others' waits for somebody who looks. */
function restore(held: Held, deps: HandlesDeps): void {
  const { ports, unclaimed, user, closed } = held;
  if (closed !== undefined) return;
  const messages = deps.keeper.take(
    ({ user_id, conversation_id, error }) => user_id === user && (error === undefined || ports.has(conversation_id)),
  );
  for (const message of messages) {
    const { conversation_id: id } = message;
    if (!ports.has(id)) unclaimed.add(id);
    (ports.get(id) ?? add(held, deps, id)).restore(message);
  }
}

function release({ ports, unclaimed }: Held, { keeper }: HandlesDeps, id: string, reason: Error): void {
  const port = ports.get(id);
  if (port === undefined) return;
  port.close(reason, true);
  port.failed().forEach(keeper.setAside);
  ports.delete(id);
  unclaimed.delete(id);
}

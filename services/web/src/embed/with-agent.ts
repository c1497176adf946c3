import type { Client, Conversation } from "@parley/client";

/** A client whose messages are for this agent, unless they say for whom they are. The same handle for the same id, as with the client itself. */
export function withAgent(client: Client, agent: string | undefined): Client {
  if (agent === undefined) return client;
  const handles = new WeakMap<Conversation, Conversation>();
  return {
    ...client,
    get isOnline() {
      return client.isOnline;
    },
    get state() {
      return client.state;
    },
    conversation(id) {
      const inner = client.conversation(id);
      let handle = handles.get(inner);
      if (handle === undefined) handles.set(inner, (handle = forAgent(inner, agent)));
      return handle;
    },
  };
}

function forAgent(inner: Conversation, agent: string): Conversation {
  return {
    ...inner,
    get view() {
      return inner.view;
    },
    send: (text, options = {}) => inner.send(text, { ...options, agent: options.agent ?? agent }),
  };
}

import type { Environment, EnvironmentSignal, SendStore, StoredMessage } from "@parley/client";

/** Surroundings that say what the test says. */
export function surroundings(isOnline = true) {
  const listeners = new Set<(signal: EnvironmentSignal) => void>();
  let online = isOnline;
  const environment: Environment = {
    isOnline: () => online,
    watch: (onSignal) => {
      listeners.add(onSignal);
      return () => listeners.delete(onSignal);
    },
  };
  return {
    environment,
    say: (signal: EnvironmentSignal) => {
      if (signal === "online" || signal === "offline") online = signal === "online";
      for (const listener of listeners) listener(signal);
    },
    watchers: () => listeners.size,
  };
}

/** A store that outlives its clients. */
export function memoryStore() {
  const messages = new Map<string, StoredMessage>();
  const keyOf = ({ user_id, conversation_id, frame }: StoredMessage) => [user_id, conversation_id, frame.id].join(" ");
  const store: SendStore = {
    load: async () => [...messages.values()],
    save: async (message) => void messages.set(keyOf(message), structuredClone(message)),
    remove: async (message) => void messages.delete(keyOf(message)),
  };
  return {
    store,
    messages: () => [...messages.values()],
    ids: () => [...messages.values()].map(({ frame }) => frame.id),
  };
}

import type { ClientLog } from "./options.ts";

export interface Emitter<Events> {
  /** Returns the function that removes the listener. */
  readonly on: <K extends keyof Events>(name: K, listener: (value: Events[K]) => void) => () => void;
  readonly emit: <K extends keyof Events>(name: K, value: Events[K]) => void;
}

/** What a listener throws goes to the log: a fault of one listener must not keep the others, or the client, from going on. */
export function createEmitter<Events>(log: ClientLog): Emitter<Events> {
  const listeners: { [K in keyof Events]?: Set<(value: Events[K]) => void> } = {};
  return {
    on: (name, listener) => {
      const set = (listeners[name] ??= new Set());
      set.add(listener);
      return () => void set.delete(listener);
    },
    emit: (name, value) => {
      for (const listener of listeners[name] ?? []) {
        try {
          listener(value);
        } catch (fault) {
          log.warn({ err: fault }, "a listener failed");
        }
      }
    },
  };
}

export interface Emitter<Events> {
  /** Returns the function that removes the listener. */
  readonly on: <K extends keyof Events>(name: K, listener: (value: Events[K]) => void) => () => void;
  readonly emit: <K extends keyof Events>(name: K, value: Events[K]) => void;
}

/** `onFault` gets what a listener threw: a fault of one listener must not keep the others, or the client, from going on. */
export function createEmitter<Events>(onFault: (fault: unknown) => void): Emitter<Events> {
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
          onFault(fault);
        }
      }
    },
  };
}

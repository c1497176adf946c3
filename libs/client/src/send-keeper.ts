import type { ClientLog } from "./options.ts";
import type { SendStore, StoredMessage } from "./send-store.ts";

/** A store as the client uses it: one thing after the other, and without a failure. */
export interface SendKeeper {
  /** Resolves when what is stored was read, or cannot be. */
  readonly load: () => Promise<void>;
  /** Those of the ones set aside that are wanted, oldest first; the next time they are not there. */
  readonly take: (isWanted: (message: StoredMessage) => boolean) => StoredMessage[];
  /** For when somebody looks at its conversation, or its user comes back. What was loaded is there as well. */
  readonly hold: (message: StoredMessage) => void;
  readonly save: (message: StoredMessage) => void;
  readonly remove: (message: StoredMessage) => void;
}

export function createSendKeeper(store: SendStore | undefined, log: ClientLog): SendKeeper {
  let aside: StoredMessage[] = [];
  let last: Promise<void> = Promise.resolve();
  let loaded: Promise<void> | undefined;

  function next(work: (store: SendStore) => Promise<void>): Promise<void> {
    if (store === undefined) return last;
    last = last.then(() => work(store)).catch((error: unknown) => log.warn({ err: error }, "the store failed"));
    return last;
  }

  return {
    load: () =>
      (loaded ??= next(async ({ load }) => {
        const stored = await load();
        aside.push(...stored);
      })),
    take: (isWanted) => {
      const taken = aside.filter(isWanted);
      aside = aside.filter((message) => !isWanted(message));
      return taken.toSorted((one, other) => one.kept_at - other.kept_at);
    },
    hold: (message) => void aside.push(message),
    save: (message) => void next(({ save }) => save(message)),
    remove: (message) => void next(({ remove }) => remove(message)),
  };
}

import type { ClientFrameInput } from "@parley/protocol/fold";
import type { ClientLog } from "./options.ts";

export type OutgoingMessage = Extract<ClientFrameInput, { type: "message" }>;

/** A message that has no answer yet, or was refused. */
export interface StoredMessage {
  /** Who wrote it, as `auth_success` named them; empty: the server asks for no token. It is never sent as anybody else. */
  readonly user_id: string;
  readonly conversation_id: string;
  /** When it was written, ms since 1970. */
  readonly kept_at: number;
  readonly frame: OutgoingMessage;
  /** Why it was refused: it is not sent again unless somebody wants that. */
  readonly error?: { readonly code: string; readonly error: string; readonly retryable: boolean };
}

/**
 * Where messages outlive the page. Two tabs may have the same store: a message that both send is one turn, as its id is the same. A store that fails is
 * written to the log; the messages are then kept in memory only.
 */
export interface SendStore {
  /** Those of all users. */
  readonly load: () => Promise<readonly StoredMessage[]>;
  /** Replaces the one of the same user, conversation and id. */
  readonly save: (message: StoredMessage) => Promise<void>;
  readonly remove: (message: StoredMessage) => Promise<void>;
}

/** A store as the client uses it: one thing after the other, and without a failure. */
export interface SendKeeper {
  /** Resolves when what is stored was read, or cannot be. */
  readonly load: () => Promise<void>;
  /** What is there of a user, oldest first; the next time it is not there. */
  readonly take: (userId: string) => StoredMessage[];
  /** For when its user comes back. */
  readonly setAside: (message: StoredMessage) => void;
  readonly save: (message: StoredMessage) => void;
  readonly remove: (message: StoredMessage) => void;
}

export function createSendKeeper(store: SendStore | undefined, log: ClientLog): SendKeeper {
  let aside: StoredMessage[] = [];
  let last: Promise<void> = Promise.resolve();
  let loaded: Promise<void> | undefined;

  function next(work: (store: SendStore) => Promise<void>): Promise<void> {
    if (store === undefined) return last;
    last = last
      .then(() => work(store))
      .catch((error: unknown) => log.warn({ err: error }, "the store of the messages to be sent failed"));
    return last;
  }

  return {
    load: () => (loaded ??= next(async ({ load }) => void aside.push(...(await load())))),
    take: (userId) => {
      const [own, others] = [aside.filter(isOf(userId)), aside.filter((one) => !isOf(userId)(one))];
      aside = others;
      return own.toSorted((one, other) => one.kept_at - other.kept_at);
    },
    setAside: (message) => void aside.push(message),
    save: (message) => void next(({ save }) => save(message)),
    remove: (message) => void next(({ remove }) => remove(message)),
  };
}

function isOf(userId: string): (message: StoredMessage) => boolean {
  return ({ user_id }) => user_id === userId;
}

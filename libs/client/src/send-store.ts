import type { ClientFrameInput } from "@parley/protocol/fold";

/** Its text is `message`; of its `parts` those that are files. */
export type OutgoingMessage = Extract<ClientFrameInput, { type: "message" }> & { readonly message: string };

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

import type {
  AcceptedFrame,
  ApprovalDecision,
  ChatError,
  ConversationView,
  Outcome,
  ServerFrame,
  SubscribedFrame,
} from "@parley/protocol/fold";
import type { Violation } from "./frame-check.ts";
import type { OutgoingView } from "./outgoing.ts";
import type { ApproveOptions } from "./requests.ts";
import type { OutgoingMessage } from "./send-store.ts";

/** Texts, and files by their ids. */
export type SaidParts = NonNullable<OutgoingMessage["parts"]>;

/** What callers have of a conversation. */

/** A frame that says to which conversation it belongs, or to which message of one. */
export type ConversationFrame = Extract<ServerFrame, { conversation_id?: unknown }>;

export interface SendOptions extends Omit<OutgoingMessage, "type" | "id" | "message" | "conversation_id"> {
  /** The client's own id of the message. Sending under the same id again is the same turn. Default: a random one. */
  readonly id?: string;
  /** Ends the wait for `accepted`, not the turn. */
  readonly signal?: AbortSignal;
}

export interface ConversationEvents {
  /** Every frame of the conversation, before `change`. */
  frame: ConversationFrame;
  /** The view has changed. */
  change: ConversationView;
  /** The list of `outgoing` has changed. */
  outgoing: readonly OutgoingView[];
  /** The server broke a promise about its frames: for load tests and chaos runs, which look for it with the option `check`. */
  violation: Violation;
  /** An error that no promise of this conversation stands for: that of a cancel, or of a subscribe after a reconnect. */
  error: ChatError;
}

export interface Conversation {
  readonly id: string;
  /** The fold of all frames so far: another object after each frame that says something; listen to `change`. */
  readonly view: ConversationView;
  /**
   * Resolves when the server has accepted the message; until then it is sent again on every new connection. Rejects with the server's
   * ChatError, or with MESSAGE_TOO_LARGE or QUEUE_FULL before anything is sent. With `parts` in place of a text: its texts together, and files that were uploaded
   * (`createUploads` of `@parley/client/files`).
   */
  readonly send: (message: string | { readonly parts: SaidParts }, options?: SendOptions) => Promise<AcceptedFrame>;
  /**
   * What was sent and is not in the view yet, oldest first; the same list until it changes. What has failed stays until it is sent again or discarded (the newest 16
   * of a conversation).
   */
  readonly outgoing: () => readonly OutgoingView[];
  /** Sends a message that has failed once more: under its id, so that it stays one message; under another one where that was refused (CONFLICT). */
  readonly retry: (id: string) => void;
  /** Forgets a message that has failed. */
  readonly discard: (id: string) => void;
  /** Resolves with the end of a turn that is, or will be, in the view. */
  readonly untilEnd: (turnId: string) => Promise<Outcome>;
  /** Stops a turn (default: the one that runs), now or as soon as the client is ready. The `cancelled` event follows. */
  readonly cancel: (turnId?: string) => void;
  /**
   * Decides on a tool call that waits for a person (`pendingApprovals` of the view), now or as soon as the client is ready. Resolves when that is
   * what was decided, by whoever; rejects with the server's ChatError, of which CONFLICT says that it was decided otherwise.
   */
  readonly approve: (callId: string, approved: boolean, options?: ApproveOptions) => Promise<ApprovalDecision>;
  /**
   * Gives the conversation a title; resolves when the view has it, so the conversation must be subscribed to. Until then it is asked for again on every
   * new connection. Rejects with the server's ChatError.
   */
  readonly setTitle: (title: string) => Promise<void>;
  /** Changes a message that waits; resolves when the view has the new text. Rejects with CONFLICT when its turn has begun. */
  readonly changeQueued: (turnId: string, message: string) => Promise<void>;
  /** Takes a message back that waits; resolves with the end of its turn. Rejects with CONFLICT when its turn has begun. */
  readonly takeBack: (turnId: string) => Promise<void>;
  /**
   * Changes the text of a message of one's own that was said. It and the next three resolve when the view shows it, are asked for on every new connection until
   * then, and reject with the server's ChatError. A later one about the same takes the place of an earlier one, which ends as it does.
   */
  readonly edit: (messageId: string, message: string) => Promise<void>;
  /** Deletes a message: one's own, or any as the owner. */
  readonly remove: (messageId: string) => Promise<void>;
  /** Reacts to a message, or (`on` false) does so no more. */
  readonly react: (messageId: string, reaction: string, on?: boolean) => Promise<void>;
  readonly pin: (messageId: string, on?: boolean) => Promise<void>;
  /** Tells the others that this user writes, or does not any more. To be called with each key: at most every three seconds something is sent, and nothing where there are no others. */
  readonly typing: (on: boolean) => void;
  /** Says how far this user has read: up to a message, or all that the view has. Nothing where there are no others. */
  readonly markRead: (messageId?: string) => void;
  /** Asks for what the view does not have yet, and for all that follows, also on later connections. */
  readonly subscribe: () => Promise<SubscribedFrame>;
  readonly unsubscribe: () => void;
  readonly on: <K extends keyof ConversationEvents>(
    name: K,
    listener: (value: ConversationEvents[K]) => void,
  ) => () => void;
}

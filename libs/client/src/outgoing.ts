import type { AcceptedFrame, ChatError, ConversationView } from "@parley/protocol/fold";
import { createDeferred, type Deferred } from "./deferred.ts";
import type { OutgoingMessage, StoredMessage } from "./send-store.ts";

/** A message that is not in the view yet. */
export interface OutgoingView {
  /** The client's own id of it. */
  readonly id: string;
  readonly text: string;
  /** Its files, as they were given to `send`. */
  readonly files?: OutgoingMessage["parts"];
  readonly status: "sending" | "failed";
  /** Why it failed. */
  readonly error?: ChatError;
}

/** It waits for its answer; then it was accepted, or has failed, and comes back as another one by a retry. */
export interface Entry {
  readonly frame: OutgoingMessage;
  readonly answer: Deferred<AcceptedFrame>;
  readonly kept_at: number;
  /** The same object until it fails. */
  shown: OutgoingView;
  /** Who wrote it; undefined: the server has not said who that is. */
  userId: string | undefined;
  /** When it was sent on the present connection; undefined: not on this one. */
  sentAt?: number | undefined;
  tries: number;
  /** Of one that was accepted. */
  turnId?: string;
}

export function createEntry(frame: OutgoingMessage, kept_at: number, userId: string | undefined): Entry {
  const answer = createDeferred<AcceptedFrame>();
  // Who does not wait for it learns of it from `outgoing`: that must not be an unhandled rejection.
  answer.promise.catch(() => undefined);
  const shown = { id: frame.id, text: frame.message, files: frame.parts, status: "sending" } as const;
  return { frame, answer, kept_at, shown, userId, tries: 0 };
}

export const isFailed = ({ shown }: Entry): boolean => shown.error !== undefined;
export const isAccepted = ({ turnId }: Entry): boolean => turnId !== undefined;
export const isSending = (entry: Entry): boolean => !isFailed(entry) && !isAccepted(entry);

/** What is not answered yet may be in the view all the same: on another device's word, or after a lost answer. */
export function isInView({ turns, waiting, transcript }: ConversationView, { frame: { id }, turnId }: Entry): boolean {
  return (
    turns.some(
      ({ turn_id, message, outcome }) => message?.id === id || (turn_id === turnId && outcome !== undefined),
    ) ||
    waiting.some((one) => one.id === id) ||
    transcript.some(({ turn_id }) => turn_id === turnId)
  );
}

export function storedOf({ frame, userId = "", kept_at, shown: { error } }: Entry): StoredMessage {
  return {
    user_id: userId,
    conversation_id: frame.conversation_id ?? "",
    kept_at: kept_at,
    frame,
    ...(error && { error: { code: error.code, error: error.message, retryable: error.retryable } }),
  };
}

import { ChatError, type AcceptedFrame, type ConversationView } from "@parley/protocol/fold";
import { createDeferred, type Deferred } from "./deferred.ts";
import type { OutgoingMessage, StoredMessage } from "./send-store.ts";

/** A message that is not in the view yet. */
export interface OutgoingView {
  /** The client's own id of it. */
  readonly id: string;
  readonly text: string;
  readonly status: "sending" | "failed";
  /** Why it failed. */
  readonly error?: ChatError;
}

/** `sending` → `accepted`, or `failed` and from there back by a retry. */
export interface Entry {
  readonly frame: OutgoingMessage;
  readonly answer: Deferred<AcceptedFrame>;
  readonly keptAtMs: number;
  state: "sending" | "accepted" | "failed";
  /** Who wrote it; undefined: the server has not said who that is. */
  userId: string | undefined;
  /** When it was sent on the present connection; undefined: not on this one. */
  sentAt: number | undefined;
  tries: number;
  turnId: string | undefined;
  error: ChatError | undefined;
}

export function createEntry(frame: OutgoingMessage, keptAtMs: number, userId: string | undefined): Entry {
  const answer = createDeferred<AcceptedFrame>();
  // Who does not wait for it learns of it from `outgoing`: that must not be an unhandled rejection.
  answer.promise.catch(() => undefined);
  const nothing = { sentAt: undefined, turnId: undefined, error: undefined };
  return { frame, answer, keptAtMs, state: "sending", userId, tries: 0, ...nothing };
}

/** What is not answered yet may be in the view all the same: on another device's word, or after a lost answer. */
export function isInView({ turns, waiting, transcript }: ConversationView, { frame: { id }, turnId }: Entry): boolean {
  if (turns.some(({ message }) => message?.id === id) || waiting.some((one) => one.id === id)) return true;
  if (turnId === undefined) return false;
  return (
    transcript.some(({ turn_id }) => turn_id === turnId) ||
    turns.some(({ turn_id, outcome }) => turn_id === turnId && outcome !== undefined)
  );
}

export function shownOf({ frame: { id, message: text }, state, error }: Entry): OutgoingView {
  if (state !== "failed" || error === undefined) return { id, text, status: "sending" };
  return { id, text, status: "failed", error };
}

export function isSame(one: OutgoingView, other: OutgoingView | undefined): boolean {
  return one.id === other?.id && one.text === other.text && one.error === other.error && one.status === other.status;
}

export function storedOf({ frame, userId = "", keptAtMs, error }: Entry): StoredMessage {
  const common = { user_id: userId, conversation_id: frame.conversation_id ?? "", kept_at: keptAtMs, frame };
  if (error === undefined) return common;
  return { ...common, error: { code: error.code, error: error.message, retryable: error.retryable } };
}

export function isSending({ state }: Entry): boolean {
  return state === "sending";
}

export function neverAnswered(): ChatError {
  return new ChatError("OVERLOADED", "The message was never answered.", true);
}

export function tooOld(): ChatError {
  return new ChatError("QUEUE_TIMEOUT", "The message could not be sent for eight days.", true);
}

export function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("The wait was given up.");
}

/** As the server would answer, which knows nothing of it yet. */
export function otherText(): Promise<never> {
  return Promise.reject(new ChatError("CONFLICT", "Another message waits under this id."));
}

import {
  chatErrorOf,
  type ChatError,
  type ClientFrameInput,
  type FrameError,
  type SubscribedFrame,
} from "@parley/protocol/fold";
import { backoffMs, type BackoffLimits } from "./backoff.ts";
import { createDeferred, type Deferred } from "./deferred.ts";

interface AttachmentDeps {
  readonly id: string;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  readonly send: (frame: ClientFrameInput) => boolean;
  /** The cursor to resume from; 0: none yet. */
  readonly cursor: () => number;
  /** The server refused for good. */
  readonly onRefused: (error: ChatError) => void;
}

/** Whether the server sends this conversation's events on the present connection. */
export interface Attachment {
  /** Asks for the events. One answer serves all who ask before it has come. */
  readonly subscribe: () => Promise<SubscribedFrame>;
  /** `unanswered`: messages that were sent on this connection and have no answer yet. */
  readonly unsubscribe: (unanswered: readonly string[]) => void;
  /**
   * A message was accepted: the server has attached its sender, and the conversation exists; unless the message was sent before the
   * conversation was left. Returns whether that is news.
   */
  readonly accepted: (messageId: string) => boolean;
  /** Whether the events are wanted, on this connection or the next. */
  readonly isWanted: () => boolean;
  /** A view that has a cursor waits for its resumption: what is sent before would bring later events first. */
  readonly mustResume: () => boolean;
  /** Returns whether the view must begin anew: the server does not know its cursor, and what follows begins below it. 0 says so at any time. */
  readonly subscribed: (frame: SubscribedFrame) => boolean;
  /** True when the error was the answer to a subscribe. */
  readonly refused: (error: FrameError) => boolean;
  /** On a new connection: subscribes again if the events are wanted. True when it asked. */
  readonly resume: () => boolean;
  readonly connectionLost: () => void;
  readonly close: (reason: Error) => void;
}

interface Progress {
  /** `detached` → `attaching` (subscribe sent) → `attached`; every new connection begins at `detached`. */
  state: "detached" | "attaching" | "attached";
  /** Whether to subscribe again on a new connection. */
  wanted: boolean;
  failures: number;
  /** The cursor that the last subscription was asked with. */
  askedAfter: number;
  /** Subscriptions that were left before their answer came: it says nothing about the present one. */
  abandoned: number;
  /** Messages that the server had before it was told that the conversation is left. */
  sentBefore: Set<string>;
  answer?: Deferred<SubscribedFrame> | undefined;
  retryTimer?: ReturnType<typeof setTimeout> | undefined;
}

export function createAttachment(deps: AttachmentDeps): Attachment {
  const progress: Progress = {
    state: "detached",
    wanted: false,
    failures: 0,
    askedAfter: 0,
    abandoned: 0,
    sentBefore: new Set(),
  };
  return {
    subscribe: () => {
      progress.wanted = true;
      // Asking once more would bring what is on its way a second time.
      if (progress.state === "attached") return Promise.resolve(liveFrom(deps));
      const answer = (progress.answer ??= createDeferred());
      if (progress.state !== "attaching") ask(progress, deps);
      return answer.promise;
    },
    unsubscribe: (unanswered) => {
      if (progress.state === "attaching") progress.abandoned++;
      progress.sentBefore = new Set(unanswered);
      leave(progress, new Error("The conversation was unsubscribed."));
      deps.send({ type: "unsubscribe", conversation_id: deps.id });
    },
    isWanted: () => progress.wanted,
    mustResume: () => progress.wanted && progress.state !== "attached" && deps.cursor() > 0,
    accepted: (messageId) => attachBy(progress, messageId),
    subscribed: (frame) => {
      if (isAbandoned(progress)) return false;
      progress.state = "attached";
      progress.failures = 0;
      progress.answer?.resolve(frame);
      progress.answer = undefined;
      return frame.seq === 0 || frame.seq < progress.askedAfter;
    },
    refused: (error) => {
      if (isAbandoned(progress)) return true;
      if (progress.state !== "attaching") return false;
      refuse(progress, deps, error);
      return true;
    },
    resume: () => {
      if (progress.wanted) ask(progress, deps);
      return progress.wanted;
    },
    connectionLost: () => detach(progress),
    close: (reason) => leave(progress, reason),
  };
}

/** Whether this is the answer to a subscription that was left: the server answers them in order. */
function isAbandoned(progress: Progress): boolean {
  if (progress.abandoned === 0) return false;
  progress.abandoned--;
  return true;
}

function attachBy(progress: Progress, messageId: string): boolean {
  if (progress.sentBefore.delete(messageId)) return false;
  progress.wanted = true;
  if (progress.state !== "detached") return false;
  progress.state = "attached";
  return true;
}

function detach(progress: Progress): void {
  clearTimeout(progress.retryTimer);
  progress.state = "detached";
  progress.abandoned = 0;
  progress.sentBefore.clear();
}

function liveFrom({ id, cursor }: AttachmentDeps): SubscribedFrame {
  return { type: "subscribed", conversation_id: id, mode: "live", seq: cursor() };
}

function ask(progress: Progress, deps: AttachmentDeps): void {
  clearTimeout(progress.retryTimer);
  const after = deps.cursor();
  progress.askedAfter = after;
  const frame = { type: "subscribe", conversation_id: deps.id } as const;
  progress.state = deps.send(after > 0 ? { ...frame, after } : frame) ? "attaching" : "detached";
}

function refuse(progress: Progress, deps: AttachmentDeps, frame: FrameError): void {
  progress.state = "detached";
  if (frame.retryable) {
    // Several that wait for exactly as long as they were told would take each other's place again and again.
    const delayMs = (frame.retry_after_ms ?? 0) + backoffMs(progress.failures++, deps.backoff, deps.random);
    progress.retryTimer = setTimeout(() => ask(progress, deps), delayMs);
    return;
  }
  const error = chatErrorOf(frame);
  leave(progress, error);
  deps.onRefused(error);
}

function leave(progress: Progress, reason: Error): void {
  clearTimeout(progress.retryTimer);
  progress.wanted = false;
  progress.state = "detached";
  progress.answer?.reject(reason);
  progress.answer = undefined;
}

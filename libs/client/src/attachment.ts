import {
  chatErrorOf,
  type ChatError,
  type ClientFrameInput,
  type FrameError,
  type SubscribedFrame,
} from "@parley/protocol/fold";
import { backoffMs, type BackoffSettings } from "./backoff.ts";
import { createDeferred, type Deferred } from "./deferred.ts";

interface AttachmentDeps extends BackoffSettings {
  readonly id: string;
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
  readonly lost: () => void;
  readonly close: (reason: Error) => void;
}

/** What it is given, and how far it has come. */
interface Self extends AttachmentDeps {
  /** `detached` → `attaching` (subscribe sent) → `attached`; every new connection begins at `detached`. */
  state: "detached" | "attaching" | "attached";
  /** Whether to subscribe again on a new connection. */
  isWanted: boolean;
  failures: number;
  /** The cursor that the last subscription was asked with. */
  after: number;
  /** Subscriptions that were left before their answer came: it says nothing about the present one. */
  left: number;
  /** Messages that the server had before it was told that the conversation is left. */
  before: Set<string>;
  answer?: Deferred<SubscribedFrame> | undefined;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

export function createAttachment(deps: AttachmentDeps): Attachment {
  const self: Self = {
    ...deps,
    state: "detached",
    isWanted: false,
    failures: 0,
    after: 0,
    left: 0,
    before: new Set(),
  };
  return {
    subscribe: () => {
      self.isWanted = true;
      // Asking once more would bring what is on its way a second time.
      if (self.state === "attached") return Promise.resolve(liveFrom(self));
      const answer = (self.answer ??= createDeferred());
      if (self.state !== "attaching") ask(self);
      return answer.promise;
    },
    unsubscribe: (unanswered) => {
      if (self.state === "attaching") self.left++;
      self.before = new Set(unanswered);
      leave(self, new Error("The conversation was unsubscribed."));
      self.send({ type: "unsubscribe", conversation_id: self.id });
    },
    isWanted: () => self.isWanted,
    mustResume: () => self.isWanted && self.state !== "attached" && self.cursor() > 0,
    accepted: (messageId) => attachBy(self, messageId),
    subscribed: (frame) => {
      if (isAbandoned(self)) return false;
      self.state = "attached";
      self.failures = 0;
      self.answer?.resolve(frame);
      self.answer = undefined;
      return frame.seq === 0 || frame.seq < self.after;
    },
    refused: (error) => {
      if (isAbandoned(self)) return true;
      if (self.state !== "attaching") return false;
      refuse(self, error);
      return true;
    },
    resume: () => self.isWanted && ask(self),
    lost: () => {
      detach(self);
      self.left = 0;
      self.before.clear();
    },
    close: (reason) => leave(self, reason),
  };
}

/** Whether this is the answer to a subscription that was left: the server answers them in order. */
function isAbandoned(self: Self): boolean {
  return self.left > 0 && self.left-- > 0;
}

function detach(self: Self): void {
  clearTimeout(self.timer);
  self.state = "detached";
}

function attachBy(self: Self, messageId: string): boolean {
  if (self.before.delete(messageId)) return false;
  self.isWanted = true;
  const isNews = self.state === "detached";
  if (isNews) self.state = "attached";
  return isNews;
}

function liveFrom({ id, cursor }: AttachmentDeps): SubscribedFrame {
  return { type: "subscribed", conversation_id: id, mode: "live", seq: cursor() };
}

function ask(self: Self): true {
  detach(self);
  self.after = self.cursor();
  const isSent = self.send({ type: "subscribe", conversation_id: self.id, after: self.after || undefined });
  if (isSent) self.state = "attaching";
  return true;
}

function refuse(self: Self, frame: FrameError): void {
  detach(self);
  if (frame.retryable) {
    // Several that wait for exactly as long as they were told would take each other's place again and again.
    self.timer = setTimeout(ask, (frame.retry_after_ms ?? 0) + backoffMs(self.failures++, self), self);
  } else {
    const error = chatErrorOf(frame);
    leave(self, error);
    self.onRefused(error);
  }
}

function leave(self: Self, reason: Error): void {
  detach(self);
  self.isWanted = false;
  self.answer?.reject(reason);
  self.answer = undefined;
}

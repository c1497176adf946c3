import {
  ChatError,
  chatErrorOf,
  fitsFrame,
  limits,
  type AcceptedFrame,
  type ClientFrameInput,
  type FrameError,
} from "@parley/protocol";
import { createDeferred, type Deferred } from "./deferred.ts";

export type OutgoingMessage = Extract<ClientFrameInput, { type: "message" }>;

interface Pending {
  readonly frame: OutgoingMessage;
  readonly answer: Deferred<AcceptedFrame>;
  /** When it was sent on the present connection; undefined: not on this one. */
  sentAt: number | undefined;
  tries: number;
}

export interface Outbox {
  /** Sends a message, now or when the link is ready, again on every new connection, always under its one id, until it is answered. */
  readonly add: (frame: OutgoingMessage, signal?: AbortSignal) => Promise<AcceptedFrame>;
  readonly accepted: (frame: AcceptedFrame) => void;
  /** True when the error was the answer to a message of this box. */
  readonly refused: (error: FrameError) => boolean;
  /** Whether the message with this id waits for its answer. */
  readonly has: (id: string) => boolean;
  readonly flush: () => void;
  /** The connection is gone, and with it every answer that was under way. */
  readonly connectionLost: () => void;
  readonly unansweredSince: () => number | undefined;
  /** Ids of what was sent on the present connection and has no answer. */
  readonly unanswered: () => string[];
  readonly close: (reason: Error) => void;
}

interface OutboxDeps {
  readonly send: (frame: ClientFrameInput) => boolean;
  readonly now: () => number;
}

/** A message that was never answered on so many connections is not going to be. */
const maxTries = 20;

export function createOutbox(deps: OutboxDeps): Outbox {
  const pending = new Map<string, Pending>();

  function settle(id: string): Deferred<AcceptedFrame> | undefined {
    const answer = pending.get(id)?.answer;
    pending.delete(id);
    return answer;
  }

  function trySend(message: Pending): void {
    if (message.sentAt !== undefined) return;
    if (message.tries >= maxTries) return settle(message.frame.id)?.reject(neverAnswered());
    if (!deps.send(message.frame)) return;
    message.sentAt = deps.now();
    message.tries += 1;
  }

  return {
    add: (frame, signal) => {
      const known = pending.get(frame.id);
      if (known !== undefined) return known.frame.message === frame.message ? known.answer.promise : otherText();
      const problem = problemOf(frame, pending.size, signal);
      if (problem !== undefined) return Promise.reject(problem);
      const message: Pending = { frame, answer: createDeferred(), sentAt: undefined, tries: 0 };
      pending.set(frame.id, message);
      if (signal !== undefined) endWaitOn(signal, message, () => pending.delete(frame.id));
      trySend(message);
      return message.answer.promise;
    },
    accepted: (frame) => settle(frame.id)?.resolve(frame),
    refused: (error) => {
      if (error.id === undefined || !pending.has(error.id)) return false;
      // A server that goes away says so to everybody; the next one will take the message.
      if (error.code !== "SHUTTING_DOWN") settle(error.id)?.reject(chatErrorOf(error));
      return true;
    },
    has: (id) => pending.has(id),
    flush: () => pending.forEach(trySend),
    connectionLost: () => pending.forEach(forgetSending),
    unansweredSince: () => [...pending.values()].find(({ sentAt }) => sentAt !== undefined)?.sentAt,
    unanswered: () => [...pending].flatMap(([id, { sentAt }]) => (sentAt === undefined ? [] : [id])),
    close: (reason) => {
      for (const { answer } of pending.values()) answer.reject(reason);
      pending.clear();
    },
  };
}

function forgetSending(message: Pending): void {
  message.sentAt = undefined;
}

function problemOf(frame: OutgoingMessage, waiting: number, signal: AbortSignal | undefined): Error | undefined {
  if (signal?.aborted === true) return abortError(signal);
  if (waiting >= limits.turnsPerConversation) return new ChatError("QUEUE_FULL");
  // A frame above the server's limit could cost the connection, and again after every reconnect.
  const fits = bytesOf(frame.message) <= limits.messageBytes && fitsFrame(frame);
  return fits ? undefined : new ChatError("MESSAGE_TOO_LARGE");
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}

/** Only the wait ends: the message may have reached the server already. To stop the turn, cancel it. */
function endWaitOn(signal: AbortSignal, { answer }: Pending, remove: () => void): void {
  const onAbort = () => {
    remove();
    answer.reject(abortError(signal));
  };
  const off = () => signal.removeEventListener("abort", onAbort);
  signal.addEventListener("abort", onAbort, { once: true });
  answer.promise.then(off, off);
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("The wait was given up.");
}

/** As the server would answer, which knows nothing of it yet. */
function otherText(): Promise<never> {
  return Promise.reject(new ChatError("CONFLICT", { message: "Another message waits under this id." }));
}

function neverAnswered(): ChatError {
  return new ChatError("OVERLOADED", { message: "The message was never answered." });
}

import {
  ChatError,
  chatErrorOf,
  clientLimits,
  type AcceptedFrame,
  type ConversationView,
  type FrameError,
} from "@parley/protocol/fold";
import { newId } from "./ids.ts";
import type { SendQueueLimits } from "./options.ts";
import {
  createEntry,
  isAccepted,
  isFailed,
  isInView,
  isSending,
  storedOf,
  type Entry,
  type OutgoingView,
} from "./outgoing.ts";
import type { SendKeeper } from "./send-keeper.ts";
import { sendProblem } from "./send-limits.ts";
import type { OutgoingMessage, StoredMessage } from "./send-store.ts";

export interface Outbox {
  /** Sends a message, now or when the link is ready, again on every new connection, always under its one id, until it is answered. */
  readonly add: (frame: OutgoingMessage, signal?: AbortSignal) => Promise<AcceptedFrame>;
  /** What is not in the view: the same list until it changes. */
  readonly outgoing: () => readonly OutgoingView[];
  /** Sends a message that has failed once more: under the same id, unless that is what was wrong. */
  readonly retry: (id: string) => void;
  /** Forgets a message that has failed. */
  readonly discard: (id: string) => void;
  /** A message of an earlier page. */
  readonly restore: (message: StoredMessage) => void;
  /** Whose connection it is now: what somebody else wrote is not sent on it. */
  readonly bind: (userId: string) => void;
  /** To be called after the view has changed. */
  readonly look: () => void;
  /** The view has all that was accepted: what it does not show is older. */
  readonly caughtUp: () => void;
  readonly accepted: (frame: AcceptedFrame) => void;
  /** True when the error was the answer to a message of this box. */
  readonly refused: (error: FrameError) => boolean;
  /** Whether the message with this id waits for its answer. */
  readonly has: (id: string) => boolean;
  readonly isWaiting: () => boolean;
  readonly flush: () => void;
  /** The connection is gone, and with it every answer that was under way. */
  readonly lost: () => void;
  readonly sentAt: () => number | undefined;
  /** Ids of what was sent on the present connection and has no answer. */
  readonly unanswered: () => string[];
  /** What waits is rejected; `isForgotten`: it is not sent by a later page either. */
  readonly close: (reason: Error, isForgotten: boolean) => void;
}

export interface OutboxDeps {
  readonly send: (frame: OutgoingMessage) => boolean;
  readonly now: () => number;
  readonly wallNow: () => number;
  readonly view: () => ConversationView;
  /** Whether the view will get what happens. */
  readonly isWanted: () => boolean;
  readonly onChange: (outgoing: readonly OutgoingView[]) => void;
  /** As `auth_success` named them; undefined before. */
  readonly userId: () => string | undefined;
  readonly keeper: SendKeeper;
  readonly sendQueue: SendQueueLimits;
  /** What of all conversations together waits for its answer. */
  readonly waiting: Set<OutgoingMessage>;
}

/** A message that was never answered on so many connections is not going to be. */
const maxTries = 20;

/** Of one conversation, the newest; and none that is larger, which nobody has typed. */
const failedKept = 16;
const failedChars = 256 * 1024;

export function createOutbox(deps: OutboxDeps): Outbox {
  const entries = new Map<string, Entry>();
  const box: Box = { ...deps, entries, shown: [], closed: false };
  const those = (isMeant: (entry: Entry) => boolean): Entry[] => [...entries.values()].filter(isMeant);
  const failed = (id: string): Entry | undefined => those((entry) => entry.frame.id === id && isFailed(entry))[0];
  const waiting = (id: string): Entry | undefined => those((entry) => entry.frame.id === id && isSending(entry))[0];
  const unanswered = (): Entry[] => those((entry) => isSending(entry) && entry.sentAt !== undefined);
  return {
    add: (frame, signal) => add(box, frame, signal),
    outgoing: () => box.shown,
    retry: (id) => {
      const entry = failed(id);
      if (entry === undefined || box.closed) return;
      drop(box, entry);
      const { frame, shown } = entry;
      void add(box, shown.error?.code === "CONFLICT" ? { ...frame, id: newId("m") } : frame);
    },
    discard: (id) => forget(box, failed(id)),
    restore: (message) => restore(box, message),
    bind: (userId) => bind(box, userId),
    look: () => look(box),
    caughtUp: () => {
      for (const entry of those(isAccepted)) drop(box, entry);
      look(box);
    },
    accepted: (frame) => accept(box, waiting(frame.id), frame),
    refused: (error) => {
      const entry = waiting(error.id ?? "");
      // A server that goes away says so to everybody; the next one will take the message.
      if (entry !== undefined && error.code !== "SHUTTING_DOWN") fail(box, entry, chatErrorOf(error));
      return entry !== undefined;
    },
    has: (id) => waiting(id) !== undefined,
    isWaiting: () => those(isSending).length > 0,
    flush: () => those(isSending).forEach((entry) => trySend(box, entry)),
    lost: () => entries.forEach(forgetSending),
    sentAt: () => unanswered()[0]?.sentAt,
    unanswered: () => unanswered().map(({ frame }) => frame.id),
    close: (reason, isForgotten) => {
      box.closed = true;
      for (const entry of those(isSending)) {
        settle(box, entry, new ChatError("PROCESSING_ERROR", reason.message));
        entry.answer.reject(reason);
        if (isForgotten) drop(box, entry);
      }
      if (isForgotten) for (const entry of those(isFailed)) box.keeper.setAside(storedOf(entry));
      look(box);
    },
  };
}

interface Box extends OutboxDeps {
  readonly entries: Map<string, Entry>;
  shown: readonly OutgoingView[];
  closed: boolean;
}

function add(box: Box, frame: OutgoingMessage, signal?: AbortSignal): Promise<AcceptedFrame> {
  const known = box.entries.get(frame.id);
  if (known !== undefined && isSending(known)) {
    // As the server would answer, which knows nothing of it yet.
    const isSame = known.frame.message === frame.message;
    return isSame
      ? known.answer.promise
      : Promise.reject(new ChatError("CONFLICT", "Another message waits under this id."));
  }
  if (signal?.aborted === true) return Promise.reject(abortError(signal));
  if (known !== undefined) drop(box, known);
  const problem = sendProblem(frame, box.waiting, box.sendQueue);
  const entry = createEntry(frame, box.wallNow(), box.userId());
  if (signal !== undefined) endWaitOn(signal, entry, () => forget(box, entry));
  take(box, entry, problem);
  return entry.answer.promise;
}

function take(box: Box, entry: Entry, problem: ChatError | undefined): void {
  box.entries.set(entry.frame.id, entry);
  box.waiting.add(entry.frame);
  keep(box, entry);
  if (problem !== undefined) fail(box, entry, problem);
  else trySend(box, entry);
  look(box);
}

function trySend(box: Box, entry: Entry): void {
  if (entry.sentAt !== undefined || entry.userId !== box.userId()) return;
  if (entry.tries >= maxTries) {
    fail(box, entry, new ChatError("OVERLOADED", "The message was never answered.", true));
  } else if (box.send(entry.frame)) {
    entry.sentAt = box.now();
    entry.tries++;
  }
}

/** It does not wait any more. */
function settle({ waiting }: Box, entry: Entry, error?: ChatError): void {
  waiting.delete(entry.frame);
  entry.sentAt = undefined;
  if (error !== undefined) entry.shown = { ...entry.shown, status: "failed", error };
}

function accept(box: Box, entry: Entry | undefined, frame: AcceptedFrame): void {
  if (entry === undefined) return;
  settle(box, entry);
  entry.turnId = frame.turn_id;
  entry.answer.resolve(frame);
  box.keeper.remove(storedOf(entry));
  if (!box.isWanted()) drop(box, entry);
  look(box);
}

function fail(box: Box, entry: Entry, error: ChatError): void {
  settle(box, entry, error);
  entry.answer.reject(error);
  if (entry.frame.message.length > failedChars) drop(box, entry);
  else keep(box, entry);
  const failed = [...box.entries.values()].filter(isFailed);
  for (const old of failed.slice(0, -failedKept)) drop(box, old);
  look(box);
}

function drop({ entries, waiting, keeper }: Box, entry: Entry): void {
  if (entries.get(entry.frame.id) !== entry) return;
  entries.delete(entry.frame.id);
  waiting.delete(entry.frame);
  if (!isAccepted(entry) && entry.userId !== undefined) keeper.remove(storedOf(entry));
}

function forget(box: Box, entry: Entry | undefined): void {
  if (entry === undefined) return;
  drop(box, entry);
  look(box);
}

function keep({ keeper }: Box, entry: Entry): void {
  if (entry.userId !== undefined) keeper.save(storedOf(entry));
}

function restore(box: Box, { frame, user_id, kept_at, error }: StoredMessage): void {
  if (box.entries.has(frame.id)) return;
  const isForgotten = box.wallNow() - kept_at > clientLimits.factKeepMs;
  const told = error ?? (isForgotten ? tooOld : undefined);
  take(box, createEntry(frame, kept_at, user_id), told && chatErrorOf(told));
}

const tooOld = { code: "QUEUE_TIMEOUT", error: "The message could not be sent for eight days.", retryable: true };

function bind(box: Box, userId: string): void {
  for (const entry of [...box.entries.values()]) {
    if (entry.userId === undefined) {
      entry.userId = userId;
      if (!isAccepted(entry)) keep(box, entry);
    } else if (entry.userId !== userId) setAside(box, entry);
  }
  look(box);
}

/** For when its author comes back. */
function setAside(box: Box, entry: Entry): void {
  if (!isAccepted(entry)) box.keeper.setAside(storedOf(entry));
  settle(box, entry);
  entry.answer.reject(new ChatError("FORBIDDEN", "The message is somebody else's."));
  box.entries.delete(entry.frame.id);
}

/** Forgets what has come to be in the view, and says what has not. */
function look(box: Box): void {
  if (box.entries.size + box.shown.length === 0) return;
  const view = box.view();
  const isMissing = (entry: Entry): boolean => !isInView(view, entry);
  for (const entry of box.entries.values()) if (!isSending(entry) && !isMissing(entry)) drop(box, entry);
  const shown = [...box.entries.values()].filter(isMissing).map((entry) => entry.shown);
  if (shown.length === box.shown.length && shown.every((one, i) => one === box.shown[i])) return;
  box.shown = shown;
  box.onChange(shown);
}

function forgetSending(entry: Entry): void {
  entry.sentAt = undefined;
}

function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("The wait was given up.");
}

/** Only the wait ends: the message may have reached the server already. To stop the turn, cancel it. */
function endWaitOn(signal: AbortSignal, { answer }: Entry, remove: () => void): void {
  const onAbort = () => {
    remove();
    answer.reject(abortError(signal));
  };
  const off = () => signal.removeEventListener("abort", onAbort);
  signal.addEventListener("abort", onAbort, { once: true });
  answer.promise.then(off, off);
}

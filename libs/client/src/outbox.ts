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
  /** Of the oldest that was sent on the present connection and has no answer; Infinity: there is none. */
  readonly sentAt: () => number;
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

/** What has failed and is larger than this nobody has typed: it is not kept. */
const failedChars = 256 * 1024;

export function createOutbox(deps: OutboxDeps): Outbox {
  const entries = new Map<string, Entry>();
  const box: Box = { ...deps, entries, shown: [], closed: false, kept: 16 };
  const those = (isMeant: (entry: Entry) => boolean): Entry[] => [...entries.values()].filter(isMeant);
  const find = (id: string | undefined, isMeant: (entry: Entry) => boolean): Entry | undefined =>
    those((entry) => entry.frame.id === id && isMeant(entry))[0];
  const unanswered = (): Entry[] => those((entry) => isSending(entry) && entry.sentAt !== undefined);
  return {
    add: (frame, signal) => add(box, frame, signal),
    outgoing: () => box.shown,
    retry: (id) => {
      const entry = find(id, isFailed);
      if (!entry || box.closed) return;
      drop(box, entry);
      const { frame, shown } = entry;
      void add(box, shown.error?.code === "CONFLICT" ? { ...frame, id: newId("m") } : frame);
    },
    discard: (id) => forget(box, find(id, isFailed)),
    restore: (message) => restore(box, message),
    bind: (userId) => bind(box, userId),
    look: () => look(box),
    caughtUp: () => {
      for (const entry of those(isAccepted)) drop(box, entry);
      look(box);
    },
    accepted: (frame) => accept(box, find(frame.id, isSending), frame),
    refused: (error) => {
      const entry = find(error.id, isSending);
      // A server that goes away says so to everybody; the next one will take the message.
      if (entry && error.code !== "SHUTTING_DOWN") fail(box, entry, chatErrorOf(error));
      return entry !== undefined;
    },
    has: (id) => find(id, isSending) !== undefined,
    isWaiting: () => those(isSending).length > 0,
    flush: () => those(isSending).forEach((entry) => trySend(box, entry)),
    lost: () => entries.forEach((entry) => (entry.sentAt = undefined)),
    sentAt: () => unanswered()[0]?.sentAt ?? Infinity,
    unanswered: () => unanswered().map(({ frame }) => frame.id),
    close: (reason, isForgotten) => {
      box.closed = true;
      for (const entry of those(isSending)) {
        settle(box, entry, new ChatError("PROCESSING_ERROR", reason.message));
        entry.answer.reject(reason);
        if (isForgotten) drop(box, entry);
      }
      if (isForgotten) for (const entry of those(isFailed)) box.keeper.hold(storedOf(entry));
      look(box);
    },
  };
}

interface Box extends OutboxDeps {
  readonly entries: Map<string, Entry>;
  shown: readonly OutgoingView[];
  closed: boolean;
  /** How many that have failed are kept, the newest. */
  kept: number;
}

function add(box: Box, frame: OutgoingMessage, signal?: AbortSignal): Promise<AcceptedFrame> {
  const known = box.entries.get(frame.id);
  if (known && isSending(known)) {
    // As the server would answer, which knows nothing of it yet.
    const isSame = contentOf(known.frame) === contentOf(frame);
    return isSame
      ? known.answer.promise
      : Promise.reject(new ChatError("CONFLICT", "Another message waits under this id."));
  }
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (known) drop(box, known);
  const entry = createEntry(frame, box.wallNow(), box.userId());
  if (signal) endWaitOn(signal, entry, () => forget(box, entry));
  take(box, entry);
  return entry.answer.promise;
}

function contentOf({ message, parts }: OutgoingMessage): string {
  return JSON.stringify([message, parts]);
}

function take(box: Box, entry: Entry, problem = sendProblem(entry.frame, box.waiting, box.sendQueue)): void {
  box.entries.set(entry.frame.id, entry);
  box.waiting.add(entry.frame);
  keep(box, entry);
  if (problem) fail(box, entry, problem);
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
  if (error) entry.shown = { ...entry.shown, status: "failed", error };
}

function accept(box: Box, entry: Entry | undefined, frame: AcceptedFrame): void {
  if (!entry) return;
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
  for (const old of failed.slice(0, -box.kept)) drop(box, old);
  look(box);
}

function drop({ entries, waiting, keeper }: Box, entry: Entry): void {
  if (entries.get(entry.frame.id) !== entry) return;
  entries.delete(entry.frame.id);
  waiting.delete(entry.frame);
  if (!isAccepted(entry) && entry.userId !== undefined) keeper.remove(storedOf(entry));
}

function forget(box: Box, entry: Entry | undefined): void {
  if (!entry) return;
  drop(box, entry);
  look(box);
}

function keep({ keeper }: Box, entry: Entry): void {
  if (entry.userId !== undefined) keeper.save(storedOf(entry));
}

function restore(box: Box, { frame, user_id, kept_at, error }: StoredMessage): void {
  if (box.entries.has(frame.id)) return;
  const isForgotten = box.wallNow() - kept_at > clientLimits.factKeepMs;
  const told = error ? chatErrorOf(error) : isForgotten ? tooOld() : undefined;
  // One that has waited is not dropped for being the one too many: nobody has been told of it yet.
  if (!error) box.kept++;
  take(box, createEntry(frame, kept_at, user_id), told);
}

function tooOld(): ChatError {
  return new ChatError("QUEUE_TIMEOUT", "The message could not be sent for eight days.", true);
}

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
  if (!isAccepted(entry)) box.keeper.hold(storedOf(entry));
  settle(box, entry);
  entry.answer.reject(new ChatError("FORBIDDEN", "Somebody else is signed in now."));
  box.entries.delete(entry.frame.id);
}

/** Forgets what has come to be in the view, and says what has not. */
function look(box: Box): void {
  const view = box.view();
  const isMissing = (entry: Entry): boolean => !isInView(view, entry);
  for (const entry of box.entries.values()) if (!isSending(entry) && !isMissing(entry)) drop(box, entry);
  const shown = [...box.entries.values()].filter(isMissing).map((entry) => entry.shown);
  if (shown.length === box.shown.length && shown.every((one, i) => one === box.shown[i])) return;
  box.shown = shown;
  box.onChange(shown);
}

/** Only the wait ends: the message may have reached the server already. To stop the turn, cancel it. */
function endWaitOn(signal: AbortSignal, { answer }: Entry, remove: () => void): void {
  const onAbort = () => {
    remove();
    answer.reject(signal.reason);
  };
  const off = () => signal.removeEventListener("abort", onAbort);
  signal.addEventListener("abort", onAbort, { once: true });
  answer.promise.then(off, off);
}

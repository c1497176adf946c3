import {
  ChatError,
  chatErrorOf,
  clientLimits,
  type AcceptedFrame,
  type ConversationView,
  type FrameError,
} from "@parley/protocol/fold";
import { newId } from "./ids.ts";
import {
  abortError,
  createEntry,
  isInView,
  isSame,
  isSending,
  neverAnswered,
  otherText,
  shownOf,
  storedOf,
  tooOld,
  type Entry,
  type OutgoingView,
} from "./outgoing.ts";
import type { SendLimits } from "./send-limits.ts";
import type { SendKeeper } from "./send-keeper.ts";
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
  /** What has failed. */
  readonly failed: () => StoredMessage[];
  /** Whose connection it is now: what somebody else wrote is not sent on it. Returns whether it was somebody else's. */
  readonly bind: (userId: string) => boolean;
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
  readonly connectionLost: () => void;
  readonly unansweredSince: () => number | undefined;
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
  readonly isWatched: () => boolean;
  readonly onChange: (outgoing: readonly OutgoingView[]) => void;
  /** As `auth_success` named them; undefined before. */
  readonly userId: () => string | undefined;
  readonly keeper: SendKeeper;
  readonly sendLimits: SendLimits;
}

/** A message that was never answered on so many connections is not going to be. */
const maxTries = 20;

/** Of one conversation, the newest; and none that is larger, which nobody has typed. */
const failedKept = 16;
const failedChars = 256 * 1024;

export function createOutbox(deps: OutboxDeps): Outbox {
  const box: Box = { deps, entries: new Map(), shown: [], boundTo: deps.userId(), isClosed: false };
  const { entries } = box;
  const sending = (): Entry[] => [...entries.values()].filter(isSending);
  return {
    add: (frame, signal) => add(box, frame, signal),
    outgoing: () => box.shown,
    retry: (id) => {
      const entry = entries.get(id);
      if (entry?.state !== "failed" || box.isClosed) return;
      drop(box, entry);
      const { frame, error } = entry;
      void add(box, error?.code === "CONFLICT" ? { ...frame, id: newId("m") } : frame);
    },
    discard: (id) => {
      const entry = entries.get(id);
      if (entry?.state === "failed") forget(box, entry);
    },
    restore: (message) => restore(box, message),
    failed: () => [...entries.values()].filter(({ state }) => state === "failed").map(storedOf),
    bind: (userId) => bind(box, userId),
    look: () => {
      if (entries.size > 0) look(box);
    },
    caughtUp: () => {
      for (const entry of [...entries.values()]) if (entry.state === "accepted") drop(box, entry);
      changed(box);
    },
    accepted: (frame) => accept(box, frame),
    refused: (error) => {
      const entry = entries.get(error.id ?? "");
      if (entry?.state !== "sending") return false;
      // A server that goes away says so to everybody; the next one will take the message.
      if (error.code !== "SHUTTING_DOWN") fail(box, entry, chatErrorOf(error));
      return true;
    },
    has: (id) => entries.get(id)?.state === "sending",
    isWaiting: () => sending().length > 0,
    flush: () => sending().forEach((entry) => trySend(box, entry)),
    connectionLost: () => entries.forEach(forgetSending),
    unansweredSince: () => sending().find(({ sentAt }) => sentAt !== undefined)?.sentAt,
    unanswered: () => sending().flatMap(({ frame, sentAt }) => (sentAt === undefined ? [] : [frame.id])),
    close: (reason, isForgotten) => close(box, reason, isForgotten),
  };
}

interface Box {
  readonly deps: OutboxDeps;
  readonly entries: Map<string, Entry>;
  shown: readonly OutgoingView[];
  boundTo: string | undefined;
  isClosed: boolean;
}

function add(box: Box, frame: OutgoingMessage, signal?: AbortSignal): Promise<AcceptedFrame> {
  const known = box.entries.get(frame.id);
  if (known?.state === "sending") return known.frame.message === frame.message ? known.answer.promise : otherText();
  if (signal?.aborted === true) return Promise.reject(abortError(signal));
  if (known !== undefined) drop(box, known);
  const entry = createEntry(frame, box.deps.wallNow(), box.deps.userId());
  const waiting = [...box.entries.values()].filter(isSending).length;
  const problem = box.deps.sendLimits.problemOf(frame, waiting);
  put(box, entry);
  if (problem !== undefined) fail(box, entry, problem);
  else {
    keep(box, entry);
    if (signal !== undefined) endWaitOn(signal, entry, () => forget(box, entry));
    trySend(box, entry);
  }
  changed(box);
  return entry.answer.promise;
}

function put({ deps, entries }: Box, entry: Entry): void {
  entries.set(entry.frame.id, entry);
  deps.sendLimits.take(entry.frame);
}

function trySend(box: Box, entry: Entry): void {
  const { deps } = box;
  if (entry.sentAt !== undefined || entry.userId !== deps.userId()) return;
  if (entry.tries >= maxTries) return fail(box, entry, neverAnswered());
  if (!deps.send(entry.frame)) return;
  entry.sentAt = deps.now();
  entry.tries += 1;
}

/** It does not wait any more. */
function settle({ deps }: Box, entry: Entry, state: "accepted" | "failed"): void {
  if (entry.state === "sending") deps.sendLimits.give(entry.frame);
  entry.state = state;
  entry.sentAt = undefined;
}

function accept(box: Box, { id, ...frame }: AcceptedFrame): void {
  const entry = box.entries.get(id);
  if (entry?.state !== "sending") return;
  settle(box, entry, "accepted");
  entry.turnId = frame.turn_id;
  entry.answer.resolve({ id, ...frame });
  box.deps.keeper.remove(storedOf(entry));
  if (!box.deps.isWatched()) drop(box, entry);
  look(box);
}

function fail(box: Box, entry: Entry, error: ChatError): void {
  settle(box, entry, "failed");
  entry.error = error;
  entry.answer.reject(error);
  const failed = [...box.entries.values()].filter(({ state }) => state === "failed");
  if (entry.frame.message.length > failedChars) drop(box, entry);
  else keep(box, entry);
  for (const old of failed.slice(0, -failedKept)) drop(box, old);
  changed(box);
}

function drop({ deps, entries }: Box, entry: Entry): void {
  if (entries.get(entry.frame.id) !== entry) return;
  entries.delete(entry.frame.id);
  if (entry.state === "sending") deps.sendLimits.give(entry.frame);
  if (entry.state !== "accepted" && entry.userId !== undefined) deps.keeper.remove(storedOf(entry));
}

function forget(box: Box, entry: Entry): void {
  drop(box, entry);
  changed(box);
}

function keep({ deps }: Box, entry: Entry): void {
  if (entry.userId !== undefined) deps.keeper.save(storedOf(entry));
}

function restore(box: Box, { frame, user_id, kept_at, error }: StoredMessage): void {
  if (box.entries.has(frame.id)) return;
  const entry = createEntry(frame, kept_at, user_id);
  put(box, entry);
  const isForgotten = box.deps.wallNow() - kept_at > clientLimits.factKeepMs;
  if (error !== undefined) fail(box, entry, chatErrorOf(error));
  else if (isForgotten) fail(box, entry, tooOld());
  else trySend(box, entry);
  look(box);
}

function bind(box: Box, userId: string): boolean {
  for (const entry of [...box.entries.values()]) {
    if (entry.userId !== undefined && entry.userId !== userId) setAside(box, entry);
    else if (entry.userId === undefined) claim(box, entry, userId);
  }
  changed(box);
  const isOther = box.boundTo !== undefined && box.boundTo !== userId;
  box.boundTo = userId;
  return isOther;
}

function claim(box: Box, entry: Entry, userId: string): void {
  entry.userId = userId;
  if (entry.state !== "accepted") keep(box, entry);
}

/** For when its author comes back. */
function setAside(box: Box, entry: Entry): void {
  const { deps, entries } = box;
  if (entry.state !== "accepted") deps.keeper.setAside(storedOf(entry));
  if (entry.state === "sending") settle(box, entry, "failed");
  entry.answer.reject(new ChatError("FORBIDDEN", "The message is somebody else's."));
  entries.delete(entry.frame.id);
}

function look(box: Box): void {
  const view = box.deps.view();
  for (const entry of [...box.entries.values()]) {
    if (entry.state !== "sending" && isInView(view, entry)) drop(box, entry);
  }
  changed(box);
}

function changed(box: Box): void {
  const view = box.deps.view();
  const shown = [...box.entries.values()].filter((entry) => !isInView(view, entry)).map(shownOf);
  if (shown.length === box.shown.length && shown.every((one, i) => isSame(one, box.shown[i]))) return;
  box.shown = shown;
  box.deps.onChange(shown);
}

function close(box: Box, reason: Error, isForgotten: boolean): void {
  box.isClosed = true;
  const error = new ChatError("PROCESSING_ERROR", reason.message);
  for (const entry of [...box.entries.values()]) {
    if (entry.state === "sending") {
      settle(box, entry, "failed");
      entry.error = error;
      entry.answer.reject(reason);
      if (isForgotten) drop(box, entry);
    }
  }
  changed(box);
}

function forgetSending(entry: Entry): void {
  entry.sentAt = undefined;
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

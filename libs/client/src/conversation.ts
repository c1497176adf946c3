import {
  chatErrorOf,
  type AcceptedFrame,
  type ApprovalDecision,
  type ChatError,
  type ClientFrameInput,
  type ConversationView,
  type FrameError,
  type Outcome,
  type ServerFrame,
  type SubscribedFrame,
} from "@parley/protocol/fold";
import { createAsks } from "./asks.ts";
import { createAttachment } from "./attachment.ts";
import { createEmitter } from "./emitter.ts";
import { createFolding } from "./folding.ts";
import type { Violation } from "./frame-check.ts";
import { newId } from "./ids.ts";
import type { Settings } from "./options.ts";
import { createOutbox, type Outbox, type OutboxDeps } from "./outbox.ts";
import type { OutgoingView } from "./outgoing.ts";
import {
  approval,
  cancellation,
  messageChange,
  removal,
  titleChange,
  turnEnd,
  type ApproveOptions,
} from "./requests.ts";
import type { OutgoingMessage } from "./send-store.ts";

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
   * ChatError, or with MESSAGE_TOO_LARGE or QUEUE_FULL before anything is sent.
   */
  readonly send: (message: string, options?: SendOptions) => Promise<AcceptedFrame>;
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
  /** Asks for what the view does not have yet, and for all that follows, also on later connections. */
  readonly subscribe: () => Promise<SubscribedFrame>;
  readonly unsubscribe: () => void;
  readonly on: <K extends keyof ConversationEvents>(
    name: K,
    listener: (value: ConversationEvents[K]) => void,
  ) => () => void;
}

/** What the client does with a conversation; not for its callers. */
export interface ConversationPort {
  readonly conversation: Conversation;
  readonly handle: (frame: ConversationFrame) => void;
  readonly outbox: Outbox;
  /** Whose connection it is now; `isOther`: it was somebody else's. To be called before `resume`. */
  readonly bind: (userId: string, isOther: boolean) => void;
  /** On a new connection. True when an answer will come. */
  readonly resume: () => boolean;
  readonly lost: () => void;
  /** `isForgotten`: what waits to be sent is not sent by a later page either. */
  readonly close: (reason: Error, isForgotten: boolean) => void;
}

interface ConversationDeps extends Settings, Pick<OutboxDeps, "userId" | "keeper" | "waiting"> {
  readonly id: string;
  readonly send: (frame: ClientFrameInput) => boolean;
  readonly emit: (name: "violation", violation: Violation) => void;
}

export function createConversation(deps: ConversationDeps): ConversationPort {
  const parts = createParts(deps);
  const { outbox, attachment, asks } = parts;
  let closed: Error | undefined;

  /** Nothing may wait on a conversation that nobody serves any more. */
  function whileOpen<T>(work: () => Promise<T>): Promise<T> {
    return closed ? Promise.reject(closed) : work();
  }

  return {
    conversation: handleOf(deps.id, parts, whileOpen),
    handle: (frame) => handle(parts, frame),
    outbox,
    bind: (userId, isOther) => {
      outbox.bind(userId);
      if (isOther) forgetAll(parts);
    },
    resume: () => {
      const asked = attachment.resume();
      outbox.flush();
      asks.flush();
      return asked || outbox.sentAt() < Infinity;
    },
    lost: () => {
      attachment.lost();
      outbox.lost();
    },
    close: (reason, isForgotten) => {
      closed = reason;
      outbox.close(reason, isForgotten);
      attachment.close(reason);
      asks.close(reason);
    },
  };
}

type Parts = ReturnType<typeof createParts>;

type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** What callers get of it. */
function handleOf(id: string, parts: Parts, whileOpen: Gate): Conversation {
  const { folding, outbox, attachment, asks, emitter } = parts;
  return {
    id,
    get view() {
      return folding.view();
    },
    send: (message, options = {}) => whileOpen(() => outbox.add(messageOf(id, message, options), options.signal)),
    outgoing: outbox.outgoing,
    retry: outbox.retry,
    discard: outbox.discard,
    untilEnd: (turnId) => whileOpen(() => asks.add(turnEnd(turnId))),
    cancel: (turnId) => {
      whileOpen(() => asks.add(cancellation(folding.view(), asks, turnId))).catch(() => undefined);
    },
    approve: (callId, approved, options) =>
      whileOpen(() => {
        // The answer is an event. Who may not look may not decide either, and is told so by that.
        attachment.subscribe().catch(() => undefined);
        return asks.add(approval(folding.view(), asks, callId, { ...options, approved }));
      }),
    setTitle: (title) => whileOpen(() => asks.add(titleChange(id, title))),
    changeQueued: (turnId, message) => whileOpen(() => asks.add(messageChange(id, turnId, message))),
    takeBack: (turnId) => whileOpen(() => asks.add(removal(id, turnId))),
    subscribe: () => whileOpen(attachment.subscribe),
    unsubscribe: () => {
      attachment.unsubscribe(outbox.unanswered());
      // Nobody tells any more when it is in the view.
      outbox.caughtUp();
    },
    on: emitter.on,
  };
}

/** What one user has decided and seen is not another one's. */
function forgetAll({ asks, folding }: Parts): void {
  asks.close(new Error("Somebody else is signed in now."));
  folding.clear([]);
}

function createParts(deps: ConversationDeps) {
  const { id, send } = deps;
  const emitter = createEmitter<ConversationEvents>(deps.log);
  const onChange = (): void => {
    asks.look();
    outbox.look();
    emitter.emit("change", view());
  };
  const folding = deps.check(createFolding(id, onChange), (violation) => {
    emitter.emit("violation", violation);
    deps.emit("violation", violation);
  });
  const { view } = folding;
  const asks = createAsks(view, send);
  const attachment = createAttachment({
    ...deps,
    cursor: () => view().seq,
    onRefused: (error) => emitter.emit("error", error),
  });
  const outbox = createOutbox({
    ...deps,
    view,
    isWanted: attachment.isWanted,
    onChange: (outgoing) => emitter.emit("outgoing", outgoing),
    send: (frame) => !attachment.mustResume() && send(frame),
  });
  return { emitter, folding, attachment, outbox, asks };
}

function handle(parts: Parts, frame: ConversationFrame): void {
  const { emitter, attachment, outbox, folding, asks } = parts;
  emitter.emit("frame", frame);
  switch (frame.type) {
    case "accepted":
      // Who did not say where it stands is told all from the message on.
      if (attachment.accepted(frame.id)) folding.subscribed(0);
      return outbox.accepted(frame);
    case "subscribed":
      if (attachment.subscribed(frame)) folding.clear(asks.turnIds());
      else folding.subscribed(frame.seq);
      return outbox.flush();
    case "queue":
      return folding.queue(frame);
    case "typing":
    case "presence":
    case "read":
      return folding.signal(frame);
    case "decision":
      return void asks.look(frame);
    // To whoever sent it on this connection: the view is of what everybody sees.
    case "feedback":
    case "usage":
      return;
    case "error":
      if ("turn_id" in frame) return folding.fold(frame);
      return refuse(parts, frame);
    case "snapshot":
      folding.fold(frame);
      return frame.messages && outbox.caughtUp();
    default:
      return folding.fold(frame);
  }
}

/** An error says what it answers: a message by its id, anything else by the type of its frame. Older servers do not say the latter. */
function refuse(parts: Parts, error: FrameError): void {
  const { emitter, attachment, outbox, asks } = parts;
  const { id, frame } = error;
  if (frame === "delete") return forget(parts, error);
  if (frame === "approve") return refuseDecision(parts, error);
  if (outbox.refused(error) || (id !== undefined && asks.look(error))) return;
  if (id === undefined && (frame ?? "subscribe") === "subscribe" && attachment.refused(error)) return outbox.flush();
  if ((frame ?? "cancel") === "cancel") asks.look(error);
  emitter.emit("error", chatErrorOf(error));
}

function refuseDecision({ asks }: Parts, error: FrameError): void {
  // A server that goes away says so to everybody; the next one will take the decision.
  if (error.code === "SHUTTING_DOWN") return;
  // Older servers do not say which: they answer in order.
  const first = asks.frames().find((frame) => frame.type === "approve");
  asks.look({ ...error, call_id: error.call_id ?? first?.call_id });
}

/** The conversation was deleted; what is said from now on begins it anew. */
function forget({ emitter, asks, folding }: Parts, error: FrameError): void {
  const told = chatErrorOf(error);
  asks.lost(told);
  folding.clear(asks.turnIds());
  emitter.emit("error", told);
}

function messageOf(id: string, message: string, { signal: _, ...options }: SendOptions): OutgoingMessage {
  return { id: newId("m"), ...options, type: "message", message, conversation_id: id };
}

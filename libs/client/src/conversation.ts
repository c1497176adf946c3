import { chatErrorOf, type ClientFrameInput, type FrameError } from "@parley/protocol/fold";
import { createAsks, type Request } from "./asks.ts";
import { createAttachment } from "./attachment.ts";
import type { Conversation, ConversationEvents, ConversationFrame, SendOptions } from "./conversation-handle.ts";
import { createEmitter } from "./emitter.ts";
import { createFolding, type Folding } from "./folding.ts";
import type { Violation } from "./frame-check.ts";
import { newId } from "./ids.ts";
import type { Settings } from "./options.ts";
import { deletion, edit, pin, reaction } from "./message-requests.ts";
import { createOutbox, type Outbox, type OutboxDeps } from "./outbox.ts";
import { approval, cancellation, messageChange, removal, titleChange, turnEnd } from "./requests.ts";
import type { OutgoingMessage } from "./send-store.ts";
import { createSignals } from "./signals.ts";

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
  const { outbox, attachment, asks, signals } = parts;
  let closed: Error | undefined;

  /** Nothing may wait on a conversation that nobody serves any more. */
  function whileOpen<T>(work: () => Promise<T>): Promise<T> {
    return closed ? Promise.reject(closed) : work();
  }

  return {
    conversation: handleOf(deps, parts, whileOpen),
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
      signals.resume();
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
function handleOf({ id, userId }: ConversationDeps, parts: Parts, whileOpen: Gate): Conversation {
  const { folding, outbox, attachment, asks, emitter, signals } = parts;
  /** The answer is an event. Who may not look may not change anything either, and is told so by that. */
  const askAs = <T>(request: () => Request<T>): Promise<T> =>
    whileOpen(() => {
      attachment.subscribe().catch(() => undefined);
      return asks.add(request());
    });
  return {
    id,
    get view() {
      return folding.view();
    },
    send: (message, options = {}) =>
      whileOpen(() => {
        signals.said();
        return outbox.add(messageOf(id, message, options), options.signal);
      }),
    outgoing: outbox.outgoing,
    retry: outbox.retry,
    discard: outbox.discard,
    untilEnd: (turnId) => whileOpen(() => asks.add(turnEnd(turnId))),
    cancel: (turnId) => {
      whileOpen(() => asks.add(cancellation(folding.view(), asks, turnId))).catch(() => undefined);
    },
    approve: (callId, approved, options) =>
      askAs(() => approval(folding.view(), asks, callId, { ...options, approved })),
    setTitle: (title) => whileOpen(() => asks.add(titleChange(id, title))),
    changeQueued: (turnId, message) => whileOpen(() => asks.add(messageChange(id, turnId, message))),
    takeBack: (turnId) => whileOpen(() => asks.add(removal(id, turnId))),
    edit: (messageId, message) => askAs(() => edit(id, messageId, message)),
    remove: (messageId) => askAs(() => deletion(id, messageId)),
    react: (messageId, which, on = true) => askAs(() => reaction(id, messageId, { reaction: which, on, userId })),
    pin: (messageId, on = true) => askAs(() => pin(id, messageId, on)),
    typing: signals.typing,
    markRead: signals.markRead,
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
function forgetAll({ asks, folding, signals }: Parts): void {
  signals.forget();
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
  const signals = createSignals({ ...deps, view });
  return { emitter, folding, attachment, outbox, asks, signals };
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
      return fold(folding, frame);
  }
}

/** What the view is made of: events, and frames that say how things stand and move no cursor. */
function fold(folding: Folding, frame: StateFrame): void {
  switch (frame.type) {
    case "queue":
      return folding.queue(frame);
    case "typing":
    case "presence":
    case "read":
      return folding.signal(frame);
    default:
      return folding.fold(frame);
  }
}

type StateFrame = Parameters<Folding["fold" | "queue" | "signal"]>[0];

/** An error says what it answers: a message by its id, anything else by the type of its frame. Older servers do not say the latter. */
function refuse(parts: Parts, error: FrameError): void {
  const { emitter, attachment, outbox, asks } = parts;
  const { id, frame } = error;
  if (frame === "delete" && id === undefined) return forget(parts, error);
  if (frame === "approve") return refuseDecision(parts, error);
  if (outbox.refused(error) || (id !== undefined && asks.look(error))) return;
  const mayAnswer = (type: string): boolean => (frame ?? type) === type;
  if (id === undefined && mayAnswer("subscribe") && attachment.refused(error)) return outbox.flush();
  if (mayAnswer("cancel")) asks.look(error);
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

/** The text stands in `message`, as for servers that know no parts. */
function messageOf(id: string, said: Said, { signal: _, ...options }: SendOptions): OutgoingMessage {
  const { parts: all = [] } = typeof said === "string" ? options : said;
  const files = all.filter(({ type }) => type === "file");
  const message = typeof said === "string" ? said : all.map((part) => (part.type === "text" ? part.text : "")).join("");
  const parts = files.length === 0 ? undefined : files;
  return { id: newId("m"), ...options, parts, type: "message", message, conversation_id: id };
}

type Said = Parameters<Conversation["send"]>[0];

import { pendingApprovals } from "@parley/protocol/fold";
import {
  createState,
  fold as foldInto,
  foldWaiting,
  notesOf,
  runningTurn,
  shownTurns,
  shownWaiting,
} from "./conversation-state.js";

/** One conversation over the link: what was sent and not accepted yet, what was received, and how to go on after a lost connection. */
export function createChat({ id, link, mayExist, onChange, onResumed, onProblem }) {
  const chat = {
    ...{ id, link, onResumed, onProblem },
    state: createState(id),
    /** By the client's own message id; sent again under that id until accepted, so it is one turn however often it is sent. */
    sending: new Map(),
    /** What was decided here, by call; sent again until the view tells that it was decided, or the server refuses. */
    deciding: new Map(),
    /** Whether the server may have this conversation. */
    known: mayExist,
    subscribing: false,
    /** The cursor it subscribed with. */
    askedAfter: 0,
  };
  return {
    id,
    cursor: () => chat.state.view.seq,
    running: () => runningTurn(chat.state),
    title: () => chat.state.view.title ?? "",
    waiting: () => shownWaiting(chat.state),
    setTitle: (title) => link.send({ type: "title", conversation_id: id, title }),
    changeWaiting: (turn_id, message) => link.send({ type: "queue", conversation_id: id, turn_id, message }),
    takeBack: (turn_id) => link.send({ type: "queue", conversation_id: id, turn_id, remove: true }),
    turns: () => [...shownTurns(chat.state), ...chat.sending.values()],
    send: (question) => {
      const message = { id: `m_${randomHex()}`, question, parts: [], status: "sending" };
      chat.sending.set(message.id, message);
      post(chat, message);
      onChange();
    },
    cancel: () => cancel(chat),
    /** Resolves when it was decided, by whoever; rejects with what the server says against it. */
    approve: (callId, approved, said) => approve(chat, callId, { approved, ...said }),
    resume: () => resume(chat),
    leave: () => void (chat.known && link.send({ type: "unsubscribe", conversation_id: id })),
    handle: (frame) => {
      if (frame.conversation_id !== undefined && frame.conversation_id !== id) return;
      (handlers[frame.type] ?? fold)(chat, frame);
      onChange();
    },
  };
}

function post({ id, link }, message) {
  link.send({ type: "message", id: message.id, message: message.question, conversation_id: id });
}

function cancel({ id, link, state }) {
  const turn = runningTurn(state);
  if (turn !== undefined) link.send({ type: "cancel", conversation_id: id, turn_id: turn.id });
}

function approve(chat, callId, said) {
  const frame = { type: "approve", conversation_id: chat.id, call_id: callId, ...said };
  chat.link.send(frame);
  return new Promise((resolve, reject) => chat.deciding.set(callId, { frame, resolve, reject }));
}

/** What nobody waits for any more. */
function settleDecided({ state, deciding }) {
  if (deciding.size === 0) return;
  const open = new Set(pendingApprovals(state.view).map(({ call }) => call.call_id));
  for (const [callId, { resolve }] of deciding) {
    if (open.has(callId)) continue;
    deciding.delete(callId);
    resolve();
  }
}

/** Subscribes before it sends again what was not accepted: the other way round the server would replay what the page has. */
function resume(chat) {
  const { id, link, state, known, sending } = chat;
  if (known) {
    chat.subscribing = true;
    const { seq } = state.view;
    chat.askedAfter = seq;
    link.send({ type: "subscribe", conversation_id: id, ...(seq > 0 ? { after: seq } : {}) });
  }
  for (const message of sending.values()) if (message.status === "sending") post(chat, message);
  for (const { frame } of chat.deciding.values()) link.send(frame);
}

function refuseDecision({ deciding, onProblem }, { call_id, error, code }) {
  // A server that goes away says so to everybody; the next one takes the decision.
  if (code === "SHUTTING_DOWN") return;
  const problem = `${error} [${code}]`;
  const decision = deciding.get(call_id);
  deciding.delete(call_id);
  if (decision === undefined) onProblem(problem);
  else decision.reject(new Error(problem));
}

/** The conversation was deleted; what is said from now on begins it anew. */
function forget(chat, { error, code }) {
  chat.state = createState(chat.id);
  chat.onProblem(`${error} [${code}]`);
}

function fold(chat, frame) {
  if (frame.seq !== undefined) foldInto(chat.state, frame, performance.now());
  settleDecided(chat);
}

const handlers = {
  queue: (chat, frame) => foldWaiting(chat.state, frame),
  accepted: (chat, { id, turn_id }) => {
    const message = chat.sending.get(id);
    chat.sending.delete(id);
    chat.known = true;
    // The turn may be there already: its events may have come on an earlier connection.
    const notes = notesOf(chat.state, turn_id);
    notes.messageId = id;
    notes.question ??= message?.question;
    notes.acceptedAt ??= performance.now();
  },
  subscribed: (chat, frame) => {
    chat.subscribing = false;
    // The server does not know that cursor: what follows begins below it, and the page's turns are none of its. Until it has come, there is no cursor.
    if (frame.seq === 0 || frame.seq < chat.askedAfter) chat.state = createState(chat.id);
    chat.onResumed(frame);
  },
  error: (chat, frame) => {
    if (frame.turn_id !== undefined) return fold(chat, frame);
    if (frame.frame === "delete") return forget(chat, frame);
    if (frame.frame === "approve") return refuseDecision(chat, frame);
    const message = chat.sending.get(frame.id);
    if (message !== undefined) Object.assign(message, { status: "error", outcome: frame });
    // The id in the address was never used: that is how a conversation begins.
    else if (chat.subscribing && frame.code === "NOT_FOUND") chat.known = false;
    else chat.onProblem(`${frame.error} [${frame.code}]`);
    chat.subscribing = false;
  },
};

export function randomHex() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * What the page knows of a conversation: the fold of its frames, as `applyFrame` of libs/protocol makes it (a test holds the two together),
 * plus what only a page shows: when things happened, and messages that are not accepted yet.
 */

import { describeProgress } from "./words.js";

export function createState() {
  return { cursor: 0, turns: new Map() };
}

function turnOf(state, turnId) {
  let turn = state.turns.get(turnId);
  if (turn === undefined) {
    turn = {
      id: turnId,
      question: undefined,
      text: "",
      tools: new Map(),
      status: "queued",
      progress: undefined,
      outcome: undefined,
    };
    state.turns.set(turnId, turn);
  }
  return turn;
}

/** Folds one frame that has a `seq`. False for a frame that the page already has. */
export function applyFrame(state, frame, now = 0) {
  if (frame.seq <= state.cursor) return false;
  state.cursor = frame.seq;
  if (frame.type === "snapshot") {
    applySnapshot(state, frame);
    return true;
  }
  const turn = turnOf(state, frame.turn_id);
  appliers[frame.type]?.(turn, frame, now);
  return true;
}

const end = (turn, frame, now) => {
  turn.status = frame.type;
  turn.outcome = frame;
  turn.progress = undefined;
  turn.endedAt = now;
};

const appliers = {
  message: (turn, frame) => {
    turn.question = frame.message;
  },
  thinking: (turn, frame) => {
    turn.status = "running";
    turn.progress = frame.message;
  },
  progress: (turn, frame) => {
    turn.status = "running";
    turn.progress = describeProgress(frame);
  },
  token: (turn, frame, now) => {
    turn.status = "running";
    turn.firstTokenAt ??= now;
    turn.text += frame.token;
  },
  turn_restarted: (turn, frame) => {
    turn.text = frame.text;
    turn.progress = `Attempt ${frame.attempt}: another worker goes on.`;
  },
  tool_call_start: (turn, { call_id, tool_name, arguments: args }) => {
    turn.tools.set(call_id, { call_id, tool_name, arguments: args });
  },
  tool_call_progress: (turn, frame) => {
    turn.progress = frame.message;
  },
  tool_call_end: (turn, { call_id, tool_name, arguments: args, status, result, duration_ms, truncated }) => {
    turn.tools.set(call_id, { call_id, tool_name, arguments: args, status, result, duration_ms, truncated });
  },
  complete: end,
  cancelled: end,
  error: end,
};

function applySnapshot(state, frame) {
  for (const message of frame.messages ?? []) applyTranscript(turnOf(state, message.turn_id), message);
  if (frame.turn_id === undefined) return;
  const turn = turnOf(state, frame.turn_id);
  turn.text = frame.text ?? "";
  turn.tools = new Map((frame.tool_calls ?? []).map((call) => [call.call_id, call]));
  if (frame.status !== "idle") turn.status = frame.status;
}

function applyTranscript(turn, { author, message, status, tool_calls, code, usage, metadata }) {
  if (author.role === "user") {
    turn.question = message;
    return;
  }
  turn.text = message;
  turn.tools = new Map((tool_calls ?? []).map((call) => [call.call_id, call]));
  turn.status = status;
  turn.progress = undefined;
  turn.outcome ??= { type: status, response: message, code, usage, metadata };
}

export function runningTurn(state) {
  const open = [...state.turns.values()].filter(({ outcome }) => outcome === undefined);
  return open.find(({ status }) => status === "running") ?? open[0];
}

/**
 * What the page knows of a conversation: its view, which the protocol's own fold makes, and what only a page shows: when things happened, what a
 * worker does just now, and messages of which no event has come yet.
 */

import { createView, foldFrame, foldQueue, isTerminal, messages, textOf } from "@parley/protocol/fold";
import { describeProgress } from "./words.js";

export function createState(conversation) {
  return { view: createView(conversation), notes: new Map() };
}

/** The page's own of one turn. */
export function notesOf({ notes }, turnId) {
  let note = notes.get(turnId);
  if (note === undefined) notes.set(turnId, (note = {}));
  return note;
}

/** Folds one frame that has a `seq`. False for a frame that the page already has. */
export function fold(state, frame, now = 0) {
  const view = foldFrame(state.view, frame);
  if (view === state.view) return false;
  state.view = view;
  if (frame.type !== "snapshot" && frame.turn_id !== undefined) note(notesOf(state, frame.turn_id), frame, now);
  return true;
}

/** Takes in what waits, as the server says it. */
export function foldWaiting(state, frame) {
  state.view = foldQueue(state.view, frame);
}

/** What waits behind another turn, with the text as it is now. */
export function shownWaiting({ view }) {
  return view.waiting.map(({ turn_id: id, text }) => ({ id, text }));
}

function note(notes, frame, now) {
  const progress = progressOf(frame);
  if (progress !== undefined) notes.progress = progress;
  if (frame.type === "token") notes.firstTokenAt ??= now;
  if (isTerminal(frame.type)) notes.endedAt = now;
}

function progressOf(frame) {
  if (frame.type === "thinking" || frame.type === "tool_call_progress") return frame.message;
  if (frame.type === "progress") return describeProgress(frame);
  if (frame.type === "turn_restarted") return `Attempt ${frame.attempt}: another worker goes on.`;
  return undefined;
}

/** Question and answer of each turn, in their order. */
export function shownTurns(state) {
  const turns = new Map();
  const shown = (id) => {
    if (!turns.has(id)) turns.set(id, { ...state.notes.get(id), id, parts: [], status: "queued" });
    return turns.get(id);
  };
  for (const { turn_id, author, parts, status, outcome } of messages(state.view)) {
    if (author.role === "user") Object.assign(shown(turn_id), { question: textOf(parts) });
    else Object.assign(shown(turn_id), { parts, status, outcome });
  }
  for (const id of state.notes.keys()) shown(id);
  return [...turns.values()];
}

/** The turn that runs, else the first that waits. */
export function runningTurn(state) {
  const open = shownTurns(state).filter(({ outcome }) => outcome === undefined);
  return open.find(({ status }) => status === "running" || status === "waiting") ?? open[0];
}

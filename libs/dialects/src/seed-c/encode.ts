import { textOf, type Outcome, type Source, type StoredEvent, type TurnView } from "@parley/protocol";
import { legacyFrame } from "../frame-bytes.ts";
import type { Encodable, ToldFrame } from "../seed/dialect.ts";
import { seedMetadata } from "../seed/encode.ts";
import { missingToolFrames, noteToolEvent } from "../seed/shown-tools.ts";
import type { AskedTurn } from "../seed/state.ts";
import type { VisibleEvent } from "../visible-event.ts";
import type { Shown } from "./state.ts";

/** Fields that seed C documents are always there, in the words that its clients know. */
export function connectionFrame(frame: ToldFrame): object {
  if (frame.type !== "auth_success") return frame;
  const { user, expires_at } = frame;
  const { id, email = "", name = "" } = user;
  return { type: "auth_success", message: "Authentication successful", user: { id, email, name }, expires_at };
}

export function event(turn: AskedTurn<Shown>, stored: StoredEvent, visible: VisibleEvent): Encodable[] {
  const { state } = turn;
  switch (stored.type) {
    case "thinking":
      return begin(state);
    case "progress":
      return stored.step === firstStep.step ? begin(state) : [progress(state, stored)];
    case "token":
      state.text += stored.token;
      return [{ type: "token", token: stored.token, partial_response: state.text }];
    case "turn_restarted":
      // Nothing can be taken back from who only adds tokens up; the next `partial_response` is right again.
      state.text = stored.text;
      return [];
    case "complete":
    case "cancelled":
    case "error":
      return [ending(turn, stored)];
    default:
      return toolEvent(state, stored, visible);
  }
}

/** As native clients get it. */
function toolEvent({ tools }: Shown, stored: StoredEvent, visible: VisibleEvent): Encodable[] {
  switch (stored.type) {
    case "tool_call_start":
    case "tool_call_end":
    case "approval_required":
    case "approval_decided":
      noteToolEvent(tools, stored);
      return [legacyFrame(visible)];
    case "tool_call_progress":
    case "waiting":
      return [visible.frame];
    default:
      return [];
  }
}

/** Its clients know no `thinking`. */
const firstStep = { type: "progress", step: "starting", message: "Processing started" } as const;

/** Workers of older versions write `starting` behind `thinking`. */
function begin(state: Shown): object[] {
  if (state.hasBegun) return [];
  state.hasBegun = true;
  return [firstStep];
}

function progress(state: Shown, event: Extract<StoredEvent, { type: "progress" }>): object {
  const { step, message, agent, confidence, sources } = event;
  const { metadata } = state;
  state.metadata = {
    ...metadata,
    ...(agent === undefined ? {} : { agent }),
    ...(confidence === undefined ? {} : { confidence }),
    ...(sources === undefined ? {} : { context: { sources: sources.map(named) } }),
  };
  return {
    type: "progress",
    step,
    message,
    ...(agent === undefined ? {} : { agent }),
    ...(confidence === undefined ? {} : { confidence }),
    ...(sources === undefined ? {} : { sources: sources.map(({ title }) => title) }),
  };
}

/** What the passage says is nothing that is remembered here. */
function named({ passage: _passage, ...source }: Source): Source {
  return source;
}

/** A cancelled answer is a complete one for clients that know nothing else; `metadata.cancelled` tells it apart. */
function ending({ session, conversation, state }: AskedTurn<Shown>, outcome: Outcome): object {
  if (outcome.type === "error") return { type: "error", error: outcome.error, code: outcome.code };
  const told = outcome.type === "complete" ? outcome.metadata : {};
  const metadata = seedMetadata({ ...state.metadata, ...told });
  return {
    type: "complete",
    response: outcome.response,
    session_id: session ?? conversation,
    metadata: outcome.type === "cancelled" ? { ...metadata, cancelled: true } : metadata,
  };
}

/** One token with all that is missing. */
export function catchUp({ state, conversation }: AskedTurn<Shown>, view: TurnView): Encodable[] {
  const place = { conversation_id: conversation, turn_id: view.turn_id };
  const tools = missingToolFrames(state.tools, view).map((frame) => ({ ...frame, ...place }));
  const text = textOf(view);
  if (text === state.text) return tools;
  const token = text.slice(commonLength(text, state.text));
  state.text = text;
  return [...tools, { type: "token", token, partial_response: state.text }];
}

function commonLength(one: string, other: string): number {
  if (one.startsWith(other)) return other.length;
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

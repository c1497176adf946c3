import {
  textOf,
  type AnswerMetadata,
  type FrameError,
  type Outcome,
  type StoredEvent,
  type TurnView,
} from "@parley/protocol";
import { newConversationId } from "../commands/turn-id.ts";
import type { VisibleEvent } from "../hub/visible-event.ts";
import { seedMetadata } from "./answer-metadata.ts";
import { createAskedTurns, type AskedTurn } from "./asked-turns.ts";
import type { Dialect } from "./dialect.ts";
import { createSeedDialect, type Encodable, type ToldFrame } from "./seed-dialect.ts";
import { decodeSeedFrame, type SeedMessageRules } from "./seed-message.ts";
import { conversationOfSession, type IsOwn } from "./seed-session.ts";
import { toldFrame } from "./told-status.ts";
import { missingToolFrames, noteToolEvent, type ShownTools } from "./shown-tools.ts";

/** What a client has of its turn. */
interface Shown {
  /** The answer so far: `partial_response`. */
  text: string;
  /** Who answers and from what, as far as it was told; a cancelled answer does not say it again. */
  metadata: AnswerMetadata;
  readonly tools: ShownTools;
  /** It has been told that the work began. */
  hasBegun: boolean;
}

export interface DialectCOptions {
  readonly isOwn: IsOwn;
  /** A chat frame needs no `type`: the endpoint of seed B documents no frames. */
  readonly isUntyped?: boolean;
}

/**
 * Dialect C, of one connection. `partial_response` repeats the answer so far with every token: bytes grow with the square of the answer's
 * length, which only clients of this dialect pay for.
 */
export function createDialectC({ isOwn, isUntyped = false }: DialectCOptions): Dialect {
  const asked = createAskedTurns<Shown>(() => ({ text: "", metadata: {}, tools: new Map(), hasBegun: false }));
  /** Messages without a session belong together, as one person's words in one window do. */
  const own = newConversationId();
  const rules: SeedMessageRules = {
    name: isUntyped ? "the dialect of the chatbot endpoint" : "dialect C",
    takes: isUntyped ? ["A", "C"] : ["C"],
    async submit(user, { session_id: session }) {
      const conversation = session === undefined ? own : await conversationOfSession(isOwn, user.id, session);
      return { conversation, id: asked.ask(session) };
    },
  };
  return createSeedDialect<Shown>({
    name: isUntyped ? "B" : "C",
    asked,
    decode: (text, user) => decodeSeedFrame(rules, text, user),
    event,
    catchUp,
    refusal: ({ error, code }: FrameError) => ({ type: "error", error, code }),
    frame: (frame) => [connectionFrame(frame)],
  });
}

/** Fields that seed C documents are always there, in the words that its clients know. */
export function connectionFrame(frame: ToldFrame): object {
  if (frame.type !== "auth_success") return frame;
  const { user, expires_at } = frame;
  const { id, email = "", name = "" } = user;
  return { type: "auth_success", message: "Authentication successful", user: { id, email, name }, expires_at };
}

function event(turn: AskedTurn<Shown>, stored: StoredEvent, visible: VisibleEvent): Encodable[] {
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
      return [toldFrame(visible)];
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
    ...(sources === undefined ? {} : { context: { sources } }),
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
function catchUp({ state, conversation }: AskedTurn<Shown>, view: TurnView): Encodable[] {
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

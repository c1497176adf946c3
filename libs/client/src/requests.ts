import {
  ChatError,
  chatErrorOf,
  isToolCall,
  titleLine,
  turn as turnIn,
  type ApprovalDecision,
  type ApprovalState,
  type ClientFrameInput,
  type ConversationView,
  type Outcome,
  type Part,
  type ToolCallPart,
  type TurnView,
} from "@parley/protocol/fold";
import type { Asks, Request } from "./asks.ts";
import { newId } from "./ids.ts";

export interface ApproveOptions {
  /** Why, in the words of whoever decides: at most 500 characters. */
  readonly reason?: string;
  /** What has to be typed, where the call asks for that. */
  readonly confirm?: string;
  /** Calls like it are agreed to as well, for so many ms: at most what the question offers as `like_ms`. */
  readonly like?: number;
  /** What was filled in of the question's `form`, by name of the field. */
  readonly content?: Readonly<Record<string, string | number | boolean | string[]>>;
}

export function turnEnd(turnId: string): Request<Outcome> {
  return {
    turnId,
    look: (view, { resolve }) => {
      const outcome = turnIn(view, turnId)?.outcome;
      if (outcome) resolve(outcome);
    },
  };
}

/** Until the end of the turn has been seen, or the server knows of no such running turn. Without an id: the turn that runs. */
export function cancellation(view: ConversationView, asks: Asks, turnId = runningTurn(view)): Request<void> {
  const frame = { type: "cancel", conversation_id: view.conversation_id, turn_id: turnId } as const;
  const isAsked = asks.frames().some((asked) => asked.type === "cancel" && asked.turn_id === turnId);
  return {
    frame: isAsked ? undefined : frame,
    // Whichever turn ran when it was sent: a later one must not be stopped by it.
    isOnce: turnId === undefined,
    look: ({ turns }, { resolve }, told) => {
      const isRefused = told?.type === "error" && (told.frame ?? "cancel") === "cancel";
      const isUnknown = isRefused && told.code === "NOT_FOUND" && told.id === undefined;
      if (isUnknown || turns.some(({ turn_id, outcome }) => turn_id === turnId && outcome !== undefined)) resolve();
    },
  };
}

/** The turn that runs, or waits for a person; else the newest that waits for its turn. */
function runningTurn({ turns }: ConversationView): string | undefined {
  const open = turns.filter(({ outcome }) => outcome === undefined);
  return (open.find(({ status }) => status !== "queued") ?? open.at(-1))?.turn_id;
}

/** Until the view or the server tells that it was decided, or the server refuses. */
export function approval(
  { conversation_id }: ConversationView,
  asks: Asks,
  call_id: string,
  { approved, like, ...said }: ApproveOptions & { readonly approved: boolean },
): Request<ApprovalDecision> {
  const frame = { type: "approve", conversation_id, call_id, approved, ...said, like_ms: like } as const;
  const asked = asks.frames().find((known) => known.type === "approve" && known.call_id === call_id);
  // Two decisions of one client on one call.
  const isContrary = asked?.type === "approve" && asked.approved !== approved;
  const isIt = (part: Part): part is ToolCallPart => isToolCall(part) && part.call_id === call_id;
  const approvalOf = (turn: TurnView | undefined): ApprovalState => turn?.parts.find(isIt)?.approval ?? {};
  return {
    frame: asked === undefined ? frame : undefined,
    look: ({ turns }, { resolve, reject }, told) => {
      const turn = turns.find(({ parts }) => parts.some(isIt));
      const about = told?.call_id === call_id ? told : undefined;
      if (about?.type === "error") return reject(chatErrorOf(about));
      const { approved: decided, by, reason, like_for_ms } = about ?? approvalOf(turn);
      if (isContrary || decided === !approved) {
        reject(new ChatError("CONFLICT", "It was decided otherwise before."));
      } else if (decided !== undefined) resolve({ approved: decided, by, reason, like_for_ms });
      else if (turn?.outcome) reject(new ChatError("NOT_FOUND", "The answer has ended already."));
    },
  };
}

/** A frame that is answered by what the view then shows. */
type Wish = WithoutAddress<
  Extract<ClientFrameInput, { type: "title" | "queue" | "edit" | "delete" | "react" | "pin" }>
>;
type WithoutAddress<Frame> = Frame extends unknown ? Omit<Frame, "id" | "conversation_id"> : never;

/** Resolves when the view shows it; at once if it does already. `about`: a later one about the same takes its place. */
export function change(
  frame: Wish,
  conversation_id: string,
  isTrue: (view: ConversationView) => boolean,
  about?: string,
): Request<void> {
  const id = newId("w");
  return {
    about,
    follow: ({ resolve, reject }, later) => void later.then(() => resolve(), reject),
    frame: { ...frame, conversation_id, id },
    look: (view, { resolve, reject }, told) => {
      // A server that goes away says so to everybody; the next one will take it.
      if (told?.type === "error" && told.id === id && told.code !== "SHUTTING_DOWN") reject(chatErrorOf(told));
      else if (isTrue(view)) resolve();
    },
  };
}

export function titleChange(id: string, title: string): Request<void> {
  return change({ type: "title", title }, id, (view) => view.title === titleLine(title));
}

export function messageChange(id: string, turn_id: string, message: string): Request<void> {
  // As the server keeps it: with half a character in it the view would never show what was asked for.
  const whole = message.toWellFormed();
  return change(
    { type: "queue", turn_id, message },
    id,
    // A view that has forgotten the message of the turn is told by `waiting`.
    (view) =>
      turnIn(view, turn_id)?.message?.message === whole ||
      view.waiting.some((one) => one.turn_id === turn_id && one.text === whole),
  );
}

export function removal(id: string, turn_id: string): Request<void> {
  // Of one that was answered meanwhile the server says that it was too late.
  return change(
    { type: "queue", turn_id, remove: true },
    id,
    (view) => turnIn(view, turn_id)?.outcome?.type === "cancelled",
  );
}

import type { Author, MessageEvent, Outcome } from "./events.ts";
import type { Feedback } from "./feedback.ts";
import type { TurnId } from "./ids.ts";
import { messageIdOf } from "./message-ids.ts";
import { outcomeOf, storedParts } from "./outcome.ts";
import { pendingCallsOf, type Parts } from "./parts-fold.ts";
import type { ToolCallPart } from "./parts.ts";
import type { TranscriptMessage } from "./server-frames.ts";
import type { ConversationView, TurnView } from "./view.ts";
import type { WaitingTurn } from "./waiting-turn.ts";

/** What is shown of a view. What has not changed between two views is the same object in both answers. */

export interface MessageView {
  readonly message_id: string;
  readonly turn_id: TurnId;
  readonly author: Author;
  readonly parts: Parts;
  /** Of an answer that has not ended `running`, or `waiting` for a person. */
  readonly status: TranscriptMessage["status"];
  /** Of an answer: how it ended, once it has. */
  readonly outcome?: Outcome;
  /** When it was written, ms since 1970. Of an answer that runs nobody has said it yet. */
  readonly ts?: number;
  /** Of an answer: what the viewer said of it, where the server has told. */
  readonly feedback?: Feedback;
}

/** A turn that has not begun. */
export interface QueuedTurn {
  readonly turn_id: TurnId;
  /** Turns that run before it. */
  readonly position: number;
  readonly message: MessageView | undefined;
}

/** A call that a person has to agree to. */
export interface PendingApproval {
  readonly turn_id: TurnId;
  readonly call: ToolCallPart;
}

export function turn(view: ConversationView, turnId: TurnId): TurnView | undefined {
  return view.turns.findLast(({ turn_id }) => turn_id === turnId);
}

/** All messages, questions before their answers, in the order of their turns. An answer that has begun is among them. */
export function messages(view: ConversationView): readonly MessageView[] {
  let shown = shownOf.get(view.turns)?.get(view.transcript);
  if (shown === undefined) {
    shown = groupsOf(view).flatMap(messagesIn);
    shownOf.set(view.turns, new WeakMap([[view.transcript, shown]]));
  }
  return shown;
}

/** By its turns and its transcript: a view whose cursor alone has moved shows the same. */
const shownOf = new WeakMap<ConversationView["turns"], WeakMap<ConversationView["transcript"], MessageView[]>>();

/** The turns that wait, in the order in which they will run: those that have not begun, also where only the server's word tells of them. */
export function queue(view: ConversationView): QueuedTurn[] {
  const groups = groupsOf(view);
  const told = new Map(view.waiting.map((one) => [one.turn_id, one]));
  const waiting = groups.filter(isOpen).flatMap((group, place): QueuedTurn[] => {
    const { turn_id, turn: known } = group;
    const position = told.get(turn_id)?.position ?? place;
    if (known !== undefined && known.status !== "queued") return [];
    return [{ turn_id, position, message: messagesIn(group)[0] }];
  });
  const shown = new Set(groups.map(({ turn_id }) => turn_id));
  const forgotten = view.waiting.filter(({ turn_id }) => !shown.has(turn_id)).map(queuedTurnOf);
  return [...waiting, ...forgotten].toSorted((one, other) => one.position - other.position);
}

function queuedTurnOf({ turn_id, author, text, position }: WaitingTurn): QueuedTurn {
  const parts = [{ type: "text", text } as const];
  const message_id = messageIdOf(turn_id, "user");
  return { turn_id, position, message: { message_id, turn_id, author, parts, status: "complete" } };
}

const pendingOf = new WeakMap<ConversationView["turns"], readonly PendingApproval[]>();

/** Calls that wait for a person, in the order of their turns. */
export function pendingApprovals({ turns }: ConversationView): readonly PendingApproval[] {
  let pending = pendingOf.get(turns);
  if (pending === undefined) {
    pending = turns.flatMap(({ turn_id, parts, outcome }) =>
      outcome === undefined ? pendingCallsOf(parts).map((call) => ({ turn_id, call })) : [],
    );
    pendingOf.set(turns, pending);
  }
  return pending;
}

/** What is known of one turn. */
interface Group {
  readonly turn_id: TurnId;
  readonly stored: TranscriptMessage[];
  turn?: TurnView;
}

function groupsOf({ transcript, turns, transcriptAfter }: ConversationView): Group[] {
  const groups = new Map<TurnId, Group>();
  const groupOf = (turn_id: TurnId): Group => {
    let group = groups.get(turn_id);
    if (group === undefined) groups.set(turn_id, (group = { turn_id, stored: [] }));
    return group;
  };
  const inTranscript = new Set(transcript.map(({ turn_id }) => turn_id));
  const older = turns.slice(0, turns.findIndex(({ turn_id }) => turn_id === transcriptAfter) + 1);
  for (const { turn_id } of older) if (!inTranscript.has(turn_id)) groupOf(turn_id);
  for (const message of transcript) groupOf(message.turn_id).stored.push(message);
  for (const known of turns) groupOf(known.turn_id).turn = known;
  return [...groups.values()];
}

function isOpen({ stored, turn: known }: Group): boolean {
  return known === undefined ? !stored.some(isAnswer) : known.outcome === undefined;
}

function isAnswer({ author }: TranscriptMessage): boolean {
  return author.role === "assistant";
}

function messagesIn({ stored, turn: known }: Group): MessageView[] {
  const answer = known === undefined ? undefined : answerIn(known, stored.find(isAnswer)?.feedback);
  const shown = stored.filter((message) => answer === undefined || !isAnswer(message)).map(storedMessage);
  const isAsked = stored.some(({ author }) => author.role === "user");
  if (known?.message !== undefined && !isAsked) shown.unshift(questionIn(known.message));
  return answer === undefined ? shown : [...shown, answer];
}

const ofStored = new WeakMap<TranscriptMessage, MessageView>();

function storedMessage(message: TranscriptMessage): MessageView {
  let shown = ofStored.get(message);
  if (shown === undefined) {
    const { message_id, turn_id, author, status, feedback, ts } = message;
    const common = { message_id, turn_id, author, parts: storedParts(message), status, ts };
    shown = isAnswer(message) ? { ...common, outcome: outcomeOf(message), ...said(feedback) } : common;
    ofStored.set(message, shown);
  }
  return shown;
}

const ofQuestions = new WeakMap<MessageEvent, MessageView>();

function questionIn(event: MessageEvent): MessageView {
  let shown = ofQuestions.get(event);
  if (shown === undefined) {
    const { message_id, turn_id, author, message: text, ts } = event;
    shown = { message_id, turn_id, author, parts: [{ type: "text", text }], status: "complete", ts };
    ofQuestions.set(event, shown);
  }
  return shown;
}

const ofAnswers = new WeakMap<TurnView, MessageView>();

function said(feedback: Feedback | undefined): Pick<MessageView, "feedback"> {
  return feedback === undefined ? {} : { feedback };
}

/** Undefined: the turn waits. */
function answerIn(known: TurnView, feedback: Feedback | undefined): MessageView | undefined {
  const { turn_id, parts, status, outcome } = known;
  if (status === "queued" && parts.length === 0) return undefined;
  let shown = ofAnswers.get(known);
  if (shown === undefined || shown.feedback !== feedback) {
    const message_id = outcome?.message_id ?? messageIdOf(turn_id, "assistant");
    const common = { message_id, turn_id, author: { role: "assistant" }, parts, ...said(feedback) };
    const open = status === "waiting" ? status : "running";
    shown = outcome === undefined ? { ...common, status: open } : { ...common, status, outcome, ...endOf(outcome) };
    ofAnswers.set(known, shown);
  }
  return shown;
}

/** Terminal events say when they were written; what a transcript tells of an end does not. */
function endOf(outcome: Outcome): { readonly ts?: number } {
  return "ts" in outcome && typeof outcome.ts === "number" ? { ts: outcome.ts } : {};
}

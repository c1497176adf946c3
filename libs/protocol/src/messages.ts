import type { MessageEvent, Outcome } from "./events.ts";
import type { Author } from "./author.ts";
import type { Feedback } from "./feedback.ts";
import { fieldsOf } from "./fields.ts";
import { filesOf } from "./file-parts.ts";
import type { TurnId } from "./ids.ts";
import type { MessageChanges } from "./message-changes.ts";
import { messageIdOf } from "./message-ids.ts";
import { outcomeOf, partsOfMessage, storedParts } from "./outcome.ts";
import { noParts, pendingCallsOf, type Parts } from "./parts-fold.ts";
import { inPlace } from "./post-fold.ts";
import type { ToolCallPart } from "./parts.ts";
import type { TranscriptMessage } from "./transcript-message.ts";
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
  /** What became of it after it was written: `parts` are as they stand now. Absent: nothing. */
  readonly changes?: MessageChanges;
  /** Of a message between people: its number among these. No answer follows. */
  readonly post?: number | undefined;
  /** Of such a one: the turn behind which it stands; null: before all. */
  readonly after?: TurnId | null | undefined;
  /** The message to which it replies. */
  readonly reply_to?: string | undefined;
  /** The users whom it addresses. */
  readonly mentions?: readonly string[] | undefined;
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

/** All messages as they stand now, questions before their answers, in the order of their turns, and posts behind theirs. An answer that has begun is among them. */
export function messages(view: ConversationView): readonly MessageView[] {
  return withChanges(writtenIn(view), view.changes);
}

function writtenIn(view: ConversationView): readonly MessageView[] {
  const { turns, transcript } = view;
  const stored = storedIn(transcript);
  if (stored.turns === turns) return stored.shown;
  const within = turns.filter(({ turn_id }) => stored.groups.has(turn_id));
  if (within.length !== stored.within.length || within.some((known, at) => known !== stored.within[at])) {
    const known = byId(within);
    stored.within = within;
    stored.middle = [...stored.groups].flatMap(([turnId, group]) => messagesIn(group, known.get(turnId)));
  }
  const { older, newer } = turnsBeside(view);
  const shownOf = (known: TurnView): MessageView[] => messagesIn([], known);
  stored.turns = turns;
  stored.shown = inPlace([...older.flatMap(shownOf), ...stored.middle, ...newer.flatMap(shownOf)]);
  return stored.shown;
}

/** The turns that wait, in the order in which they will run: those that have not begun, also where only the server's word tells of them. */
export function queue(view: ConversationView): QueuedTurn[] {
  const { groups, unanswered } = storedIn(view.transcript);
  const { older, newer } = turnsBeside(view);
  const known = byId(view.turns);
  const told = byId(view.waiting);
  const open = [...older.map(idOf), ...unanswered, ...newer.map(idOf)].filter(
    (turnId) => known.get(turnId)?.outcome === undefined,
  );
  const waiting = open.flatMap((turn_id, place): QueuedTurn[] => {
    const turn = known.get(turn_id);
    if (turn !== undefined && turn.status !== "queued") return [];
    const [message] = messagesIn(groups.get(turn_id) ?? [], turn);
    return [{ turn_id, position: told.get(turn_id)?.position ?? place, message }];
  });
  const forgotten = view.waiting.filter(({ turn_id }) => !known.has(turn_id) && !groups.has(turn_id)).map(queuedTurnOf);
  return [...waiting, ...forgotten].toSorted((one, other) => one.position - other.position);
}

function queuedTurnOf({ turn_id, author, text, files, position }: WaitingTurn): QueuedTurn {
  const parts = partsOfMessage({ message: text, files });
  const message_id = messageIdOf(turn_id, "user");
  return { turn_id, position, message: { message_id, turn_id, author, parts, status: "complete" } };
}

/** What was made of a thing once is the same the next time. */
function remembered<K extends object, V>(known: WeakMap<K, V>, thing: K, make: () => V): V {
  const value = known.get(thing) ?? make();
  known.set(thing, value);
  return value;
}

const pendingOf = new WeakMap<ConversationView["turns"], readonly PendingApproval[]>();

/** Calls that wait for a person, in the order of their turns. */
export function pendingApprovals({ turns }: ConversationView): readonly PendingApproval[] {
  return remembered(pendingOf, turns, () =>
    turns.flatMap(({ turn_id, parts, outcome }) =>
      outcome === undefined ? pendingCallsOf(parts).map((call) => ({ turn_id, call })) : [],
    ),
  );
}

/** What a transcript shows, and the view that was shown of it last: a token must not cost more in a long conversation than copying its list. */
interface Stored {
  readonly groups: ReadonlyMap<TurnId, readonly TranscriptMessage[]>;
  /** Its turns without an answer. */
  readonly unanswered: readonly TurnId[];
  /** The turns of the view that it has too, and what is shown of it beside them. */
  within: readonly TurnView[];
  middle: readonly MessageView[];
  turns: readonly TurnView[] | undefined;
  shown: readonly MessageView[];
}

const stores = new WeakMap<ConversationView["transcript"], Stored>();

function storedIn(transcript: ConversationView["transcript"]): Stored {
  return remembered(stores, transcript, () => {
    const groups = byTurn(transcript);
    const unanswered = [...groups].filter(([, group]) => !group.some(isLast)).map(([turnId]) => turnId);
    const middle = [...groups.values()].flatMap((group) => messagesIn(group, undefined));
    return { groups, unanswered, within: [], middle, turns: undefined, shown: inPlace(middle) };
  });
}

/** `Map.groupBy`, which Node 20 does not have. */
function byTurn(transcript: readonly TranscriptMessage[]): Map<TurnId, TranscriptMessage[]> {
  const groups = new Map<TurnId, TranscriptMessage[]>();
  for (const message of transcript) groups.set(message.turn_id, [...(groups.get(message.turn_id) ?? []), message]);
  return groups;
}

/** The turns that the transcript does not have: those that are older than it, and those behind it. */
function turnsBeside({ turns, transcript, transcriptAfter }: ConversationView) {
  const { groups } = storedIn(transcript);
  const last = turns.findIndex(({ turn_id }) => turn_id === transcriptAfter);
  const isBeside = ({ turn_id }: TurnView): boolean => !groups.has(turn_id);
  return { older: turns.slice(0, last + 1).filter(isBeside), newer: turns.slice(last + 1).filter(isBeside) };
}

function idOf({ turn_id }: { readonly turn_id: TurnId }): TurnId {
  return turn_id;
}

function byId<T extends { readonly turn_id: TurnId }>(all: readonly T[]): ReadonlyMap<TurnId, T> {
  return new Map(all.map((one) => [one.turn_id, one]));
}

function isAnswer({ author }: TranscriptMessage): boolean {
  return author.role === "assistant";
}

/** Nothing of its turn follows. */
function isLast(message: TranscriptMessage): boolean {
  return isAnswer(message) || message.post !== undefined;
}

function messagesIn(stored: readonly TranscriptMessage[], known: TurnView | undefined): MessageView[] {
  const hasAnswer = known !== undefined && known.post === undefined;
  const answer = hasAnswer ? answerIn(known, stored.find(isAnswer)?.feedback) : undefined;
  const shown = stored.filter((message) => answer === undefined || !isAnswer(message)).map(storedMessage);
  const isAsked = stored.some((message) => !isAnswer(message));
  if (known?.message !== undefined && !isAsked) shown.unshift(questionIn(known, known.message));
  return answer === undefined ? shown : [...shown, answer];
}

const said = ["post", "after", "reply_to", "mentions"] as const;
const ofStored = new WeakMap<TranscriptMessage, MessageView>();

function storedMessage(message: TranscriptMessage): MessageView {
  return remembered(ofStored, message, () => {
    const common = fieldsOf(message, ["message_id", "turn_id", "author", "status", "ts", ...said]);
    const shown = { ...common, parts: storedParts(message) };
    return isAnswer(message) ? { ...shown, outcome: outcomeOf(message), ...feedbackIn(message.feedback) } : shown;
  });
}

const ofQuestions = new WeakMap<MessageEvent, MessageView>();

function questionIn({ post }: TurnView, event: MessageEvent): MessageView {
  return remembered(ofQuestions, event, () => ({
    ...fieldsOf(event, ["message_id", "turn_id", "author", "ts", "reply_to", "mentions"]),
    ...(post === undefined ? {} : { post: post.n, after: post.after }),
    parts: partsOfMessage(event),
    status: "complete",
  }));
}

const ofAnswers = new WeakMap<TurnView, MessageView>();

function feedbackIn(feedback: Feedback | undefined): Pick<MessageView, "feedback"> {
  return feedback === undefined ? {} : { feedback };
}

/** Undefined: the turn waits. */
function answerIn(known: TurnView, feedback: Feedback | undefined): MessageView | undefined {
  const { turn_id, parts, status, outcome } = known;
  if (status === "queued" && parts.length === 0) return undefined;
  let shown = ofAnswers.get(known);
  if (shown === undefined || shown.feedback !== feedback) {
    const message_id = outcome?.message_id ?? messageIdOf(turn_id, "assistant");
    const author = outcome?.author ?? known.author ?? { role: "assistant" };
    const common = { message_id, turn_id, author, parts, ...feedbackIn(feedback) };
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

const ofChanged = new WeakMap<readonly MessageView[], readonly MessageView[]>();
const ofWritten = new WeakMap<MessageView, MessageView>();

function withChanges(written: readonly MessageView[], changes: ConversationView["changes"]): readonly MessageView[] {
  if (Object.keys(changes).length === 0) return written;
  const known = ofChanged.get(written);
  const shown = written.map((message) => messageNow(message, changes[message.message_id]));
  if (known?.every((message, at) => message === shown[at]) === true) return known;
  ofChanged.set(written, shown);
  return shown;
}

/** A text was changed; the files of the message stay. */
function changedParts({ parts }: MessageView, text: string): Parts {
  return partsOfMessage({ message: text, files: filesOf(parts) });
}

/** The same object for the same message and changes. */
function messageNow(message: MessageView, changes: MessageChanges | undefined): MessageView {
  if (changes === undefined) return message;
  const known = ofWritten.get(message);
  if (known?.changes === changes) return known;
  const { message: text, deleted_at } = changes;
  const parts = deleted_at !== undefined ? noParts : text === undefined ? message.parts : changedParts(message, text);
  const shown = { ...message, parts, changes };
  ofWritten.set(message, shown);
  return shown;
}

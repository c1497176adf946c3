import type { Bus } from "@parley/bus";
import {
  ChatError,
  turnOfAnswer,
  turnOfMessage,
  type Author,
  type Caller,
  type ConversationId,
  type TranscriptMessage,
  type TurnId,
} from "@parley/protocol";
import { createFairGate } from "../../fair-gate.ts";

/** A message as it was written, and whether it still waits for its turn. */
export interface FoundMessage {
  readonly message_id: string;
  readonly turn_id: TurnId;
  readonly author: Author;
  readonly text: string;
  /** When it was written, ms since 1970. */
  readonly ts: number;
  /** Its text is read when its turn begins: it is changed in the queue. */
  readonly isWaiting: boolean;
}

export type FindMessage = (conversation: ConversationId, messageId: string) => Promise<FoundMessage>;

export type MessageBus = Pick<Bus, "turns" | "transcripts" | "facts" | "waitingTexts" | "posts">;

/**
 * Finds a message by its id: a question that waits or is being answered in the queue, everything else in the transcript, or among what people wrote to each other. Throws NOT_FOUND where there is none, CONFLICT for an
 * answer that has not ended.
 */
function createMessageFinding(bus: MessageBus): FindMessage {
  return async (conversation, messageId) => {
    const turn_id = turnOfMessage(messageId);
    if (turn_id === undefined) throw noSuchMessage();
    const isAnswer = turnOfAnswer(messageId) !== undefined;
    const found =
      (await inQueue(bus, conversation, turn_id, isAnswer)) ?? (await recorded(bus, conversation, turn_id, isAnswer));
    if (found === undefined) throw noSuchMessage();
    return { message_id: messageId, turn_id, ...found };
  };
}

/** A message may stand 10,000 records back, and each of them has to be read. */
const searches = { atOnce: 8, perUser: 16 };

/** The same for users, of whom each that asks for many at once waits. */
export function createFairFinding(bus: MessageBus): (caller: Pick<Caller, "user">) => FindMessage {
  const findAny = createMessageFinding(bus);
  const enter = createFairGate(searches);
  return ({ user }) =>
    (conversation, messageId) =>
      enter(user.id, () => findAny(conversation, messageId));
}

type Found = Omit<FoundMessage, "message_id" | "turn_id">;

async function inQueue(
  { turns, waitingTexts }: MessageBus,
  conversation: ConversationId,
  turn: TurnId,
  isAnswer: boolean,
): Promise<Found | undefined> {
  const queued = await turns.waiting(conversation);
  if (!queued.some(({ request }) => request.turn_id === turn)) return undefined;
  const ended = await Promise.all(queued.map(turns.hasEnded));
  const open = queued.filter((_, i) => ended[i] !== true);
  const place = open.findIndex(({ request }) => request.turn_id === turn);
  const request = open[place]?.request;
  if (request === undefined) return undefined;
  if (isAnswer) throw new ChatError("CONFLICT", { message: "This answer has not ended." });
  const { user, message, accepted_at: ts } = request;
  const text = (await waitingTexts.read(request))?.message ?? message;
  const author = { role: "user", id: user.id, ...(user.name === undefined ? {} : { name: user.name }) };
  return { author, text, ts, isWaiting: place > 0 };
}

async function recorded(
  { facts, transcripts, posts }: MessageBus,
  conversation: ConversationId,
  turn: TurnId,
  isAnswer: boolean,
): Promise<Found | undefined> {
  const { storedMs, isPost } = await acceptedAs(facts, conversation, turn);
  if (isPost !== true) {
    const stored = await transcripts.find(conversation, turn, storedMs);
    const message = isAnswer ? stored?.answer : stored?.question;
    if (message !== undefined) return foundIn(message);
  }
  if (isAnswer || isPost === false) return undefined;
  const post = await posts.find(conversation, turn, storedMs);
  return post && foundIn(post);
}

/** How far one has to look back, and whether it asks no agent: undefined of one that is older than facts. */
async function acceptedAs(facts: MessageBus["facts"], conversation: ConversationId, turn: TurnId) {
  const said = await facts.readStored("said", { conversation, turn });
  const isPost = said?.fact.kind === "said" ? said.fact.post === true : undefined;
  return { storedMs: said?.storedMs ?? 0, isPost };
}

function foundIn({ author, message: text, ts }: Pick<TranscriptMessage, "author" | "message" | "ts">): Found {
  return { author, text, ts, isWaiting: false };
}

function noSuchMessage(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such message in this conversation." });
}

export function wasDeleted(): ChatError {
  return new ChatError("CONFLICT", { message: "This message was deleted." });
}

import type { Bus, TranscriptPage } from "@parley/bus";
import {
  conversationOfSubject,
  messagesOf,
  subjects,
  tellsHandover,
  type ConversationId,
  type TranscriptMessage,
  type TurnId,
} from "@parley/protocol";
import { deliveryLimits } from "../delivery/delivery-limits.ts";
import type { Hub } from "./hub.ts";

export interface Stored {
  readonly events: Bus["events"];
  readonly turns: Pick<Bus["turns"], "waiting">;
  readonly transcripts: Pick<Bus["transcripts"], "tail" | "newest">;
  /** Without a question, of what somebody looks at here. */
  readonly peopleOf: (conversation: ConversationId) => Promise<object | undefined>;
}

/**
 * Messages that are read: of three turns; and of as many as a queue holds, and the one before, if these followed each other quickly. A turn that is cancelled
 * while it waits ends within seconds of its record, if not at once, so what is recorded before these had ended before.
 */
const [fewMessages, allMessages] = [6, 18];
const quicklyMs = 60_000;

/**
 * Whether a client with this cursor has the whole conversation, because nothing is under way in it, the cursor is not below the last end, and
 * nothing can have been overtaken. Only exact look-ups, which cost the broker next to nothing: of a crowd that comes back, who was idle needs no
 * more. False: it is to be read.
 *
 * A turn is in the queue until its end is stored, and in the transcript before that: so with an empty queue the newest record is of the newest turn.
 * Of what people say to each other, and of changes, neither says anything: where there may be such things it is to be read.
 */
export async function isAtRest(stored: Stored, hub: Hub, cursor: number): Promise<boolean> {
  const { events, turns, transcripts } = stored;
  const { conversation, shard } = hub;
  if ((await stored.peopleOf(conversation)) !== undefined) return false;
  if ((await turns.waiting(conversation)).length > 0) return false;
  const page = await newestOf(transcripts, conversation);
  const answers = page.turns.flatMap(({ answer }) => answer ?? []);
  const newest = answers.at(-1);
  // By its place in the queue: one that was cancelled while it waited is recorded before those that it waited for, and may end after them.
  if (newest === undefined || !ranInTurn(newest)) return false;
  const [end, titled] = await Promise.all([endOf(stored, hub, newest.turn_id), ownEventAt(stored, hub, answers)]);
  if (end === undefined || end > cursor) return false;
  // It is above the cursor, or so near below it that it may have been overtaken.
  if (titled > cursor - deliveryLimits.overtakingSeqs) return false;
  // A snapshot's, unless it is an event's own.
  if (end < cursor) return isElsewhere(await events.subjectAt(shard, cursor), conversation);
  return areLongBefore(stored, hub, { answers, isAll: page.before === 0 }, cursor);
}

async function newestOf({ tail }: Stored["transcripts"], conversation: ConversationId): Promise<TranscriptPage> {
  const page = await tail(conversation, { limit: fewMessages });
  const messages = messagesOf(page.turns);
  const isQuick = (messages.at(-1)?.ts ?? 0) - (messages[0]?.ts ?? 0) < quicklyMs;
  return page.before > 0 && isQuick ? tail(conversation, { limit: allMessages }) : page;
}

async function endOf({ events }: Stored, { conversation, shard }: Hub, turn: TurnId): Promise<number | undefined> {
  return (await events.last(subjects.agent(shard, conversation, turn)))?.seq;
}

/** Sequence of the newest event that is the conversation's alone; below all others where none is kept. Of a hand-over there is one only beside turns that say so. */
async function ownEventAt(
  { events }: Stored,
  { conversation, shard }: Hub,
  answers: readonly TranscriptMessage[],
): Promise<number> {
  const own = [subjects.titleEvent(shard, conversation)];
  if (answers.some(tellsHandover)) own.push(subjects.handoverEvent(shard, conversation));
  const found = await Promise.all(own.map((subject) => events.last(subject)));
  return Math.max(...found.map((event) => event?.seq ?? -Infinity));
}

interface Answers {
  readonly answers: readonly TranscriptMessage[];
  /** There are no older ones. */
  readonly isAll: boolean;
}

/**
 * Whether nothing can have been overtaken that is so near to the newest answer's end, at the cursor: no tool's event, and no end of a turn that was
 * cancelled while it waited. The end of one that ran came before this one's answer: see `missingBefore`.
 */
async function areLongBefore(stored: Stored, hub: Hub, { answers, isAll }: Answers, cursor: number): Promise<boolean> {
  if (usedTools(answers.at(-1))) return false;
  const others = answers.slice(0, -1);
  const [oldest] = others;
  if (oldest === undefined) return isAll;
  const near = others.filter((answer) => !ranInTurn(answer) || usedTools(answer) || (answer === oldest && !isAll));
  for (const { turn_id } of near) {
    if (((await endOf(stored, hub, turn_id)) ?? 0) > cursor - deliveryLimits.overtakingSeqs) return false;
  }
  return true;
}

function usedTools(answer: TranscriptMessage | undefined): boolean {
  return (answer?.tool_calls?.length ?? 0) > 0;
}

/** It was the first of the queue when it ended, as no turn is that was cancelled while it waited: whatever was accepted before it had ended. */
function ranInTurn({ status }: TranscriptMessage): boolean {
  return status === "complete";
}

function isElsewhere(subject: string | undefined, conversation: string): boolean {
  return subject !== undefined && conversationOfSubject(subject) !== conversation;
}

import type { Bus } from "@parley/bus";
import { parseEventSubject, subjects, type LogRecord, type TurnId } from "@parley/protocol";
import { deliveryLimits } from "../delivery-limits.ts";
import type { Hub } from "./hub.ts";

export interface Stored {
  readonly events: Bus["events"];
  readonly turns: Pick<Bus["turns"], "waiting">;
  readonly transcripts: Pick<Bus["transcripts"], "tail" | "newest">;
}

/** Records of the newest turns; of one that waited there may be more than its own in between. */
const recordsRead = 6;

/**
 * Whether a client with this cursor has the whole conversation, because nothing is under way in it, the cursor is not below the last end, and
 * nothing can have been overtaken. Only exact look-ups, which cost the broker next to nothing: of a crowd that comes back, who was idle needs no
 * more. False: it is to be read.
 *
 * A turn is in the queue until its end is stored, and in the transcript before that: so with an empty queue the newest record is of the newest turn.
 */
export async function isAtRest(stored: Stored, hub: Hub, cursor: number): Promise<boolean> {
  const { events, turns, transcripts } = stored;
  const { conversation, shard } = hub;
  if ((await turns.waiting(conversation)).length > 0) return false;
  const newest = await transcripts.newest(conversation);
  if (newest === undefined || !ranInTurn(newest)) return false;
  const end = await endOf(stored, hub, newest.turn_id);
  if (end === undefined || end > cursor) return false;
  // A snapshot's, unless it is an event's own.
  if (end < cursor) return isElsewhere(await events.subjectAt(shard, cursor), conversation);
  return areLongBefore(stored, hub, newest.turn_id, cursor);
}

async function endOf({ events }: Stored, { conversation, shard }: Hub, turn: TurnId): Promise<number | undefined> {
  return (await events.last(subjects.agent(shard, conversation, turn)))?.seq;
}

/**
 * Whether no turn that was cancelled while it waited ended so shortly before this one's end, at the cursor, that its end may have been overtaken. The
 * end of one that ran came before this one's answer: see `missingBefore`.
 */
async function areLongBefore(stored: Stored, hub: Hub, turn: TurnId, cursor: number): Promise<boolean> {
  const { records, before } = await stored.transcripts.tail(hub.conversation, { limit: recordsRead });
  // One that was cancelled while it waited stands behind it if it was accepted later.
  if (records.at(-1)?.turn_id !== turn) return false;
  const turns = lastBefore(records, turn, before === 0);
  if (turns === undefined) return false;
  for (const other of turns) {
    if (((await endOf(stored, hub, other)) ?? 0) > cursor - deliveryLimits.overtakingSeqs) return false;
  }
  return true;
}

/** It was the first of the queue when it ended, as no turn is that was cancelled while it waited: whatever was accepted before it had ended. */
function ranInTurn({ author, status }: LogRecord): boolean {
  return author.role === "assistant" && status === "complete";
}

function isElsewhere(subject: string | undefined, conversation: string): boolean {
  return subject !== undefined && parseEventSubject(subject)?.conversation !== conversation;
}

/**
 * The turns that were cancelled while they waited, and may have ended last before this one: what was accepted before one that ran had ended before that
 * began. `isAll`: there are no older records. Undefined: that is not known.
 */
function lastBefore(records: readonly LogRecord[], turn: TurnId, isAll: boolean): TurnId[] | undefined {
  const answers = records.filter(({ turn_id, author }) => turn_id !== turn && author.role === "assistant");
  const last = answers.findLastIndex(ranInTurn);
  const before = answers.findLastIndex((record, i) => i < last && ranInTurn(record));
  if (before < 0 && !isAll) return undefined;
  return answers.slice(before + 1).flatMap((record) => (ranInTurn(record) ? [] : record.turn_id));
}

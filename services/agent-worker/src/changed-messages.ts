import type { Bus } from "@parley/bus";
import {
  changedTurns,
  messageIdsOf,
  type Changes,
  type StoredTurn,
  type TranscriptMessage,
  type TurnRequest,
} from "@parley/protocol";

export type ChangesBus = Pick<Bus, "changes" | "people">;

/** In place of a message that was deleted: what it was nobody is told. */
const deletedText = "[This message was deleted.]";

/** Turns as a model is to know them: with the texts of now. Nothing is looked up where the edge has not said that there may be such. */
export async function asTheyStand(
  bus: ChangesBus,
  { room, conversation_id }: Pick<TurnRequest, "room" | "conversation_id">,
  turns: readonly StoredTurn[],
): Promise<readonly StoredTurn[]> {
  if (room !== true || turns.length === 0) return turns;
  return changedFor(bus, conversation_id, turns);
}

/** The same for what is read once for many turns: whether there are any is looked up. */
export async function changedFor(
  { changes, people }: ChangesBus,
  conversation: TurnRequest["conversation_id"],
  turns: readonly StoredTurn[],
): Promise<readonly StoredTurn[]> {
  if ((await people.of(conversation))?.people?.has.changes !== true) return turns;
  return toldTurns(turns, await changes.of(conversation, messageIdsOf(turns)));
}

function toldTurns(turns: readonly StoredTurn[], changes: Changes): readonly StoredTurn[] {
  const said = (message: TranscriptMessage | undefined): TranscriptMessage | undefined => {
    if (message === undefined || changes.get(message.message_id)?.deleted_at === undefined) return message;
    return { ...message, message: deletedText, parts: [{ type: "text", text: deletedText }] };
  };
  if (changes.size === 0) return turns;
  return changedTurns(turns, changes).map((turn) => ({
    ...turn,
    question: said(turn.question),
    answer: said(turn.answer),
  }));
}

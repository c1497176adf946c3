import { ConversationId, TurnId } from "@parley/protocol";
import type { TurnPlace } from "../turn-watch.ts";

/** The id of a turn's answer as clients of the AI SDK know it: the same in each of its streams, so that a replay replaces what they have. */
export function answerIdOf(turn: TurnId): string {
  return `${turn}-a`;
}

const runMark = "run";

/** The name of a turn for clients that come back with it instead of the chat's (`x-workflow-run-id`). A dot is in no id of ours. */
export function runIdOf({ conversation_id, turn_id }: TurnPlace): string {
  return [runMark, conversation_id, turn_id].join(".");
}

/** Undefined: it is the name of a chat. */
export function placeOfRun(name: string): TurnPlace | undefined {
  const [mark, conversation, turn, ...more] = name.split(".");
  if (mark !== runMark || more.length > 0) return undefined;
  const place = { conversation_id: ConversationId.safeParse(conversation), turn_id: TurnId.safeParse(turn) };
  if (!place.conversation_id.success || !place.turn_id.success) return undefined;
  return { conversation_id: place.conversation_id.data, turn_id: place.turn_id.data };
}

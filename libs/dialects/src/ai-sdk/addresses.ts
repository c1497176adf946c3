import { ConversationId, TurnId } from "@parley/protocol";
import { z } from "zod";
import type { TurnPlace } from "../turn-watch.ts";

/** The id of a turn's answer as clients of the AI SDK know it: the same in each of its streams, so that a replay replaces what they have. */
export function answerIdOf(turn: TurnId): string {
  return `${turn}-a`;
}

const runMark = "run";

/** A turn; or, for a client of which people have decided on calls, what follows the step of the model in which these were. */
export interface RunPlace extends TurnPlace {
  readonly behind?: string | undefined;
}

/** The name of a turn for clients that come back with it instead of the chat's (`x-workflow-run-id`). A dot is in no id of ours. */
export function runIdOf({ conversation_id, turn_id, behind }: RunPlace): string {
  return [runMark, conversation_id, turn_id, ...(behind === undefined ? [] : [behind])].join(".");
}

const RunParts = z.object({
  conversation_id: ConversationId,
  turn_id: TurnId,
  behind: z
    .string()
    .regex(/^\d{1,9}$/)
    .optional(),
});

/** Undefined: it is the name of a chat. */
export function placeOfRun(name: string): RunPlace | undefined {
  const [mark, conversation, turn, behind, ...more] = name.split(".");
  if (mark !== runMark || more.length > 0) return undefined;
  return RunParts.safeParse({ conversation_id: conversation, turn_id: turn, behind }).data;
}

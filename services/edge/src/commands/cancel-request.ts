import { FactsFullError, type Bus } from "@parley/bus";
import { subjects, type ConversationId, type TurnId } from "@parley/protocol";

export interface CancelRequest {
  readonly conversation: ConversationId;
  readonly turn: TurnId;
  /** Whose wish it is. */
  readonly by: string;
  readonly reason: string;
}

/**
 * Asks a turn to stop: the fact first, which a worker finds however late it comes to the turn, then the event that all workers hear. Both once,
 * so that it can be asked again where an edge died in between.
 */
export async function requestCancel(
  { events, facts }: Pick<Bus, "events" | "facts">,
  { conversation, turn, by, reason }: CancelRequest,
): Promise<void> {
  const common = { conversation_id: conversation, turn_id: turn, ts: Date.now(), by, reason };
  // Where no fact has room the event still stops what runs.
  await facts.write({ kind: "cancel", v: 1, ...common }).catch((error: unknown) => {
    if (!(error instanceof FactsFullError)) throw error;
  });
  const subject = subjects.control(events.shardOf(conversation), conversation, turn);
  await events.writeOnce(subject, { type: "cancel_requested", ...common });
}

import type { Bus } from "@parley/bus";
import { handoverOf, tellsHandover, type ConversationId, type Handover, type StoredTurn } from "@parley/protocol";

/** How it stands with a person who answers in the conversation. Looked up only where its newest turns say that there was one: others cost nothing. */
export async function shownHandover(
  handovers: Pick<Bus["handovers"], "of">,
  conversation: ConversationId,
  turns: readonly StoredTurn[],
): Promise<Handover | undefined> {
  if (!turns.some(({ answer }) => answer !== undefined && tellsHandover(answer))) return undefined;
  const record = await handovers.of(conversation);
  return record === undefined ? undefined : handoverOf(record);
}

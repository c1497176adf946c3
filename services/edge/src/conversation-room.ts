import { createShownTranscripts, type Bus } from "@parley/bus";
import type { ConversationId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Redis } from "./commands/conversations/conversation-index.ts";
import { createConversations } from "./commands/conversations/conversations.ts";
import type { Ownership } from "./commands/ownership.ts";
import type { HubRoom } from "./hub-room.ts";

export interface ConversationRoomOptions {
  readonly bus: Bus;
  readonly redis?: Redis;
  readonly log: Logger;
}

/** Conversations as things, and their messages as they stand now. */
export function createConversationRoom(
  { bus, redis, log }: ConversationRoomOptions,
  { hubs, seenChanges }: HubRoom,
  { people: peopleOf, peekPeople }: Ownership,
) {
  const hasChanges = async (id: ConversationId): Promise<boolean> =>
    seenChanges.has(id) || (await peopleOf(id))?.has.changes === true;
  const shown = createShownTranscripts(bus.transcripts, bus.changes, hasChanges);
  const read = { bus, transcripts: shown, hasChanges, peopleOf, peekPeople };
  const conversations = createConversations({ ...read, redis, onDeleted: hubs.forget, log });
  return { hasChanges, shown, conversations };
}

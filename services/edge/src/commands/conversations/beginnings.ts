import type { Bus } from "@parley/bus";
import type { HasChanges } from "./shown-changes.ts";
import type { IndexEntry } from "./conversation-index.ts";
import { titleOf } from "./index-notes.ts";

export type BeginningOf = (entry: IndexEntry) => Promise<string>;

/** The beginning of a conversation's first message as it stands now: what the index has is how it was written. Two look-ups, where messages of it were changed at all. */
export function createBeginnings(bus: Pick<Bus, "changes" | "conversations">, hasChanges: HasChanges): BeginningOf {
  return async ({ conversation_id, title }) => {
    if (!(await hasChanges(conversation_id))) return title;
    const first = await bus.conversations.firstOf(conversation_id);
    if (first === undefined) return title;
    const changes = (await bus.changes.of(conversation_id, [first.message_id])).get(first.message_id);
    if (changes?.deleted_at !== undefined) return "";
    return changes?.message === undefined ? title : titleOf(changes.message);
  };
}

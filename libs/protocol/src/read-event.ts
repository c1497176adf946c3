import { z } from "zod";
import { ConversationEvent, isConversationEvent } from "./conversation-events.ts";
import { StoredEvent, chained, common } from "./events.ts";

const knownTypes: ReadonlySet<string> = new Set(
  [...StoredEvent.options, ...ConversationEvent.options].map(({ shape }) => shape.type.value),
);
const newType = z.string().refine((type) => !knownTypes.has(type));

/**
 * What this version knows of an event whose type a newer one made up: whose it is and, in the agent's chain, its place there. Readers pass over
 * it; a writer must count it, as the chain's next event names it.
 */
const UnknownEvent = z.union([
  z
    .object({ type: newType, ...chained })
    .transform(({ type: _type, ...rest }) => ({ type: "unknown" as const, ...rest })),
  z
    .object({ type: newType, ...common })
    .transform(({ type: _type, ...rest }) => ({ type: "unknown" as const, ...rest })),
  // Of the conversation alone.
  z
    .object({ type: newType, conversation_id: common.conversation_id, ts: common.ts })
    .transform(({ type: _type, ...rest }) => ({ type: "unknown" as const, ...rest })),
]);

/** What readers find in the log, during an upgrade and after a rollback also of the next minor version. */
export const ReadEvent = z.union([StoredEvent, ConversationEvent, UnknownEvent]);

/** What is stored where an event should be, and is none: it says nothing, and takes its place. */
export const unreadableEvent = { type: "unreadable" } as const;
export type ReadEvent = z.infer<typeof ReadEvent> | typeof unreadableEvent;

/** Whether it is an event of a turn of which this version can read all. */
export function isReadable(event: ReadEvent): event is StoredEvent {
  return event.type !== "unknown" && event.type !== "unreadable" && !isConversationEvent(event);
}

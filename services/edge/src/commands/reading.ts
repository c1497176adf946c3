import { decodeVisible } from "@parley/dialects";
import {
  isTerminal,
  messageIdOf,
  type Caller,
  type ConversationId,
  type People,
  type PresenceFrame,
  type ReadSignalFrame,
  type TurnRequest,
} from "@parley/protocol";
import type { Hub, HubConnection } from "../hub/hub.ts";
import type { ReadWish } from "../signals/reading.ts";
import { nameOf } from "../signals/room.ts";
import type { Ownership } from "./ownership.ts";

export interface ReadingDeps {
  readonly ownership: Pick<Ownership, "check" | "people" | "peekPeople" | "reader">;
  readonly signals: {
    readonly read: (wish: ReadWish) => void;
    readonly presence: (conversation: ConversationId, people: People) => Promise<PresenceFrame>;
  };
}

type Read = Omit<ReadSignalFrame, "type">;

/** `read`: how far a member has read. Kept soon, and told then; of a conversation of one nothing is. Throws FORBIDDEN, or NOT_FOUND when it is nobody's. */
export function createReadHandler({ ownership, signals }: ReadingDeps) {
  return async (
    caller: Caller,
    { conversation_id, message_id, seq }: Read,
    connection?: HubConnection,
  ): Promise<void> => {
    await ownership.check(conversation_id, caller, "conversation:read");
    const people = await ownership.people(conversation_id);
    if (people === undefined || !isMember(people, caller.user.id)) return;
    const hub = connection?.viewers.get(conversation_id)?.source;
    const place = message_id === undefined && seq !== undefined ? messageAt(hub, seq) : { messageId: message_id };
    if (place !== undefined)
      signals.read({ conversation: conversation_id, people, user: nameOf(caller.user), ...place });
  };
}

/** Whoever writes has read what was there. To be told of each message that was accepted; waits for nothing. */
export function createWriterMarks({ ownership, signals }: ReadingDeps) {
  return ({ conversation_id, user, message_id: messageId }: TurnRequest): void => {
    const people = ownership.peekPeople(conversation_id);
    if (people === undefined || !isMember(people, user.id)) return;
    signals.read({ conversation: conversation_id, people, user: nameOf(user), messageId });
  };
}

/** Who looks at a room, for who reads it. Of a conversation of one nobody is told. */
export function createPresenceReading({ ownership, signals }: ReadingDeps) {
  return async (caller: Caller, conversation: ConversationId): Promise<PresenceFrame> => {
    await ownership.reader(conversation, caller);
    const people = await ownership.people(conversation);
    if (people !== undefined && people.members.length > 0) return signals.presence(conversation, people);
    return { type: "presence", conversation_id: conversation, users: [], online: 0, agents: [] };
  };
}

/** Of a room. */
function isMember({ owner, members }: People, userId: string): boolean {
  return members.length > 0 && (owner.id === userId || members.some(({ id }) => id === userId));
}

/** The last message up to a cursor; undefined: it is older than what is known here, and so no news. */
function messageAt(hub: Hub | undefined, seq: number): { readonly messageId: string | undefined } | undefined {
  if (hub === undefined) return undefined;
  const place = seq - hub.offset;
  const event = hub.ring.events.findLast(
    (one) => one.seq <= place && (one.type === "message" || one.type === "post" || isTerminal(one.type)),
  );
  if (event === undefined) return place >= hub.feed.intake.last ? { messageId: undefined } : undefined;
  if (isTerminal(event.type)) return { messageId: messageIdOf(event.turn, "assistant") };
  const decoded = decodeVisible(event);
  return "message_id" in decoded ? { messageId: decoded.message_id } : undefined;
}

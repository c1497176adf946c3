import type { Bus } from "@parley/bus";
import type { ConversationId, MessageChanges, PostEvent, TurnRequest } from "@parley/protocol";
import type { Room } from "./room.ts";

export interface RoomReadingDeps {
  readonly bus: Pick<Bus, "rooms">;
  /** Messages between people that are looked at. */
  readonly limit: number;
}

/** In place of a message that was deleted: what it was nobody is told. */
const deletedText = "[This message was deleted.]";

/** What is known of the room of a turn: nothing is looked up where the edge has said that it has none. */
export function readRoom(
  { room, conversation_id }: Pick<TurnRequest, "room" | "conversation_id">,
  deps: RoomReadingDeps,
): Promise<Room | undefined> | undefined {
  return room === true ? read(conversation_id, deps) : undefined;
}

async function read(conversation: ConversationId, { bus: { rooms }, limit }: RoomReadingDeps): Promise<Room> {
  const people = await rooms.people(conversation);
  const posts = people?.has.posts === true ? await rooms.posts(conversation, limit) : [];
  const ids = posts.map(({ message_id }) => message_id);
  const changes = people?.has.changes === true ? await rooms.changes(conversation, ids) : [];
  return {
    people: people === undefined ? [] : [people.owner, ...people.members],
    agents: people?.agents ?? [],
    posts: withChanges(posts, changes),
    limit,
  };
}

function withChanges(posts: readonly PostEvent[], changes: readonly MessageChanges[]): PostEvent[] {
  const changed = new Map(changes.map((one) => [one.message_id, one]));
  return posts.map((post) => {
    const { deleted_at, message = post.message } = changed.get(post.message_id) ?? {};
    return { ...post, message: deleted_at === undefined ? message : deletedText };
  });
}

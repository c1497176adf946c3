import type { Bus } from "@parley/bus";
import {
  ChatError,
  type Changes,
  type ConversationId,
  type People,
  type PostEvent,
  type TurnRequest,
} from "@parley/protocol";
import { deletedText } from "../changed-messages.ts";
import type { Room } from "../room.ts";

export type RoomBus = Pick<Bus, "people" | "posts" | "changes">;

export interface RoomReadingDeps {
  readonly bus: RoomBus;
  /** Messages between people that are looked at. */
  readonly limit: number;
}

const noChanges: Changes = new Map();

/** What is known of the room of a turn: nothing is looked up where the edge has said that it has none. */
export function readRoom(
  { room, conversation_id }: Pick<TurnRequest, "room" | "conversation_id">,
  deps: RoomReadingDeps,
): Promise<Room | undefined> | undefined {
  return room === true ? read(conversation_id, deps) : undefined;
}

async function read(conversation: ConversationId, { bus, limit }: RoomReadingDeps): Promise<Room> {
  const people = await peopleOf(conversation, bus);
  const posts = people?.has.posts === true ? (await bus.posts.tail(conversation, { limit })).posts : [];
  const ids = posts.map(({ post }) => post.message_id);
  const changes = people?.has.changes === true ? await bus.changes.read(conversation, ids) : noChanges;
  return {
    people: people === undefined ? [] : [people.owner, ...people.members],
    agents: people?.agents ?? [],
    posts: withChanges(
      posts.map(({ post }) => post),
      changes,
    ),
    limit,
  };
}

/** A record that only a newer version can read is none: nothing here decides what anybody may do. */
async function peopleOf(conversation: ConversationId, { people }: RoomBus): Promise<People | undefined> {
  try {
    return (await people.of(conversation))?.people;
  } catch (error) {
    if (error instanceof ChatError && error.code === "PROCESSING_ERROR") return undefined;
    throw error;
  }
}

function withChanges(posts: readonly PostEvent[], changed: Changes): PostEvent[] {
  return posts.map((post) => {
    const { deleted_at, message = post.message } = changed.get(post.message_id) ?? {};
    return { ...post, message: deleted_at === undefined ? message : deletedText };
  });
}

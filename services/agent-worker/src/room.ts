import type { Person, PostEvent, RoomAgent } from "@parley/protocol";

/** What is known of the room of a turn. */
export interface Room {
  /** Its members, the owner among them. */
  readonly people: readonly Person[];
  readonly agents: readonly RoomAgent[];
  /** The newest messages between people as they stand now, in the order of their numbers. */
  readonly posts: readonly PostEvent[];
  /** Turns and posts were each read back so far: with fewer messages nothing is older. */
  readonly limit: number;
}

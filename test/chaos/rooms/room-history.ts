import {
  decodeEvent,
  inPlace,
  messagesOf,
  parseEventSubject,
  transcriptOfPost,
  type ConversationView,
  type PostEvent,
  type ReadEvent,
  type TranscriptMessage,
} from "@parley/protocol";
import { eventually } from "@parley/testkit";
import type { Recording } from "../clients/recording.ts";
import type { World } from "../world/world.ts";
import type { PlayedRoom } from "./room-audience.ts";

/** Everything that is known of a room when all is over. */
export interface RoomHistory {
  readonly room: Pick<PlayedRoom, "plan" | "accepted" | "absence">;
  /** The event log, in order, of turns and of the conversation itself. */
  readonly events: readonly { readonly seq: number; readonly turn: string; readonly event: ReadEvent }[];
  /** The chain of posts, oldest first. */
  readonly posts: readonly PostEvent[];
  /** Turns and posts in their order, with the texts of now. */
  readonly stored: readonly TranscriptMessage[];
  readonly recordings: readonly Recording[];
  readonly views: readonly ConversationView[];
}

const mostMessages = 10_000;

/** The brokers are whole again, but a process that was just started may still be busy. */
export function readRoom({ bus }: Pick<World, "bus">, room: PlayedRoom): Promise<RoomHistory> {
  const { plan, accepted, absence, devices } = room;
  return eventually(
    async () => {
      const messages = await bus.events.read(plan.id, { fromSeq: 1 });
      const turns = (await bus.transcripts.tail(plan.id, { limit: mostMessages })).turns;
      const { posts } = await bus.posts.tail(plan.id, { limit: mostMessages });
      const said = [...messagesOf(turns), ...posts.map(({ post }) => transcriptOfPost(post))];
      return {
        room: { plan, accepted, absence },
        events: messages.map(({ subject, seq, data }) => ({
          seq,
          turn: parseEventSubject(subject)?.turn ?? "",
          event: decodeEvent(data),
        })),
        posts: posts.map(({ post }) => post),
        stored: inPlace(said),
        recordings: devices.map(({ recording }) => recording),
        views: devices.map(({ view }) => view),
      };
    },
    { what: `the room ${plan.id}`, timeoutMs: 30_000, intervalMs: 200 },
  );
}

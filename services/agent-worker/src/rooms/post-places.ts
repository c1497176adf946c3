import {
  messagesOf,
  postPlaces,
  transcriptOfPost,
  type PostEvent,
  type StoredTurn,
  type Summary,
  type TurnId,
  type TurnRequest,
} from "@parley/protocol";
import type { Room } from "../room.ts";

export interface PlacesInput {
  readonly request: Pick<TurnRequest, "turn_id" | "accepted_at">;
  /** Turns that were read, oldest first. */
  readonly history: readonly StoredTurn[];
  /** Those of them that the model is shown. */
  readonly shown: readonly StoredTurn[];
  /** What those before them came to. */
  readonly summary: Summary | undefined;
}

/**
 * The posts behind each turn; null: before all turns. Those that a summary tells of, are older than what was read, or were written behind the turn that is
 * answered are nowhere. One behind a turn that is not among these (of another branch, or blocked) stands where pages show it. Pure.
 */
export function postsByPlace(room: Pick<Room, "posts" | "limit">, input: PlacesInput): Map<TurnId | null, PostEvent[]> {
  const { request, history } = input;
  const { read, places } = placesOf(room, input);
  const found = new Map<TurnId | null, PostEvent[]>();
  const shown = postPlaces(messagesOf(history), room.posts.map(transcriptOfPost));
  let isLater = false;
  for (const post of room.posts) {
    isLater ||= post.after === request.turn_id;
    const isKnown = read.has(post.after);
    // Whether a turn that nobody knows came before this one or behind it, only clocks can say.
    if (!isKnown && (isLater || post.ts > request.accepted_at)) continue;
    const before = isKnown ? post.after : shown.get(post.n);
    // Before all that was read, and that is not all of it.
    if (before === undefined || (before === null && !read.has(null)) || !places.has(before)) continue;
    found.set(before, [...(found.get(before) ?? []), post]);
  }
  return found;
}

/** Behind what a post may stand: of all that was read, and of what the model is shown. */
function placesOf({ limit }: Pick<Room, "limit">, { history, shown, summary }: PlacesInput) {
  const read = new Set<TurnId | null>(history.map(({ turn_id }) => turn_id));
  if (2 * history.length < limit) read.add(null);
  if (summary !== undefined) read.add(summary.until.turn_id);
  const places = new Set<TurnId | null>(shown.map(({ turn_id }) => turn_id));
  places.add(summary?.until.turn_id ?? null);
  return { read, places };
}

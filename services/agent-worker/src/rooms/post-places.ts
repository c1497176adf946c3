import type { PostEvent, StoredTurn, Summary, TurnId, TurnRequest } from "@parley/protocol";
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
 * answered are nowhere. One behind a turn that is not among these (of another branch, or blocked) stands where the post before it does. Pure.
 */
export function postsByPlace(room: Pick<Room, "posts" | "limit">, input: PlacesInput): Map<TurnId | null, PostEvent[]> {
  const { request } = input;
  const { read, places } = placesOf(room, input);
  const found = new Map<TurnId | null, PostEvent[]>();
  let before: TurnId | null | undefined;
  let isLater = false;
  for (const post of room.posts) {
    isLater ||= post.after === request.turn_id;
    const isKnown = read.has(post.after);
    if (isKnown) before = post.after;
    // Whether a turn that nobody knows came before this one or behind it, only clocks can say.
    if (!isKnown && (isLater || post.ts > request.accepted_at)) continue;
    if (before === undefined || !places.has(before)) continue;
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

import type { MessageEvent, Outcome } from "./events.ts";
import { fieldsOf } from "./fields.ts";
import type { TurnId } from "./ids.ts";
import { messageIdOf } from "./message-ids.ts";
import { partsOfMessage } from "./outcome.ts";
import type { PostEvent } from "./post.ts";
import type { TranscriptMessage } from "./transcript-message.ts";

/** Messages between people in what is shown of a conversation: where they stand, and that nobody waits for an answer to them. */

/** Where a post stands: behind that turn, among others there in the order of `n`. */
export interface PostPlace {
  readonly n: number;
  /** null: before all turns. */
  readonly after: TurnId | null;
}

/** What is put in its place: an item of a turn, or a post. */
export interface Placeable {
  readonly turn_id: TurnId;
  /** Of a post: its number. */
  readonly post?: number | undefined;
  /** Of a post. */
  readonly after?: TurnId | null | undefined;
}

/** A post has ended without text: whoever waits for the end of its turn goes on. */
export function postOutcome(turnId: TurnId): Outcome {
  return {
    ...{ type: "complete", response: "", message_id: messageIdOf(turnId, "assistant"), tool_calls: [] },
    ...{ usage: { input_tokens: 0, output_tokens: 0 }, metadata: { posted: true } },
  };
}

/** The message of a post, as that of a turn. */
export function messageOfPost(post: Omit<PostEvent, "type" | "n">): MessageEvent {
  return { type: "message", ...fieldsOf(post, messageFields) };
}

const messageFields = [
  ...(["conversation_id", "turn_id", "ts", "message_id", "id", "author", "message"] as const),
  ...(["files", "reply_to", "mentions"] as const),
];

/** A post as the transcript has it. */
export function transcriptOfPost(post: PostEvent): TranscriptMessage {
  const { message_id, turn_id, author, message, files, reply_to, mentions, n, after, ts } = post;
  return {
    ...{ message_id, turn_id, author, message, status: "complete", post: n, after, ts },
    ...(files === undefined ? {} : { parts: partsOfMessage({ message, files }) }),
    ...(reply_to === undefined ? {} : { reply_to }),
    ...(mentions === undefined ? {} : { mentions }),
  };
}

/**
 * The same items with each post behind its turn, in the order of their numbers. One whose turn is not among them stays where it stands: that turn is older than the first of
 * them, or is still to come. Without posts it is the same list.
 */
export function inPlace<Item extends Placeable>(items: readonly Item[]): readonly Item[] {
  if (!items.some(isPost)) return items;
  const turns = items.filter((item) => !isPost(item));
  const known = new Set(turns.map(({ turn_id }) => turn_id));
  const behind = new Map<TurnId | null, Item[]>();
  let before: TurnId | null = null;
  for (const item of items) {
    if (!isPost(item)) {
      before = item.turn_id;
      continue;
    }
    const { after } = item;
    const isKnown = after === null || (after !== undefined && known.has(after));
    const place = isKnown ? after : before;
    const others = behind.get(place);
    if (others === undefined) behind.set(place, [item]);
    else others.push(item);
  }
  const postsBehind = (turn: TurnId | null): Item[] =>
    (behind.get(turn) ?? []).toSorted((one, other) => (one.post ?? 0) - (other.post ?? 0));
  const placed = postsBehind(null);
  for (const [at, item] of turns.entries()) {
    placed.push(item);
    const isLast = turns[at + 1]?.turn_id !== item.turn_id;
    if (isLast) placed.push(...postsBehind(item.turn_id));
  }
  return placed;
}

function isPost({ post }: Placeable): boolean {
  return post !== undefined;
}

export interface NewestMessages {
  readonly messages: readonly TranscriptMessage[];
  /** Of the turns whose messages were given, those that are among these. */
  readonly turns: ReadonlySet<TurnId>;
  /** The lowest number of a post among these; undefined: there is none. */
  readonly firstPost: number | undefined;
}

/**
 * The newest of both, at most `limit` and the whole of the last turn. Both are given oldest first, and taken from the newest backwards: what is left out is older, on
 * either side, so that the next page has all of it. `isBeginning`: no turn is older than those that are given.
 */
export function newestWithPosts(
  turns: readonly TranscriptMessage[],
  posts: readonly TranscriptMessage[],
  { limit, isBeginning }: { readonly limit: number; readonly isBeginning: boolean },
): NewestMessages {
  const listed = new Set(turns.map(({ turn_id }) => turn_id));
  const taken: (readonly TranscriptMessage[])[] = [];
  const ids = new Set<TurnId>();
  let [turn, post, count] = [turns.length, posts.length, 0];
  while (count < limit && (turn > 0 || post > 0)) {
    const whole = lastTurn(turns, turn);
    const next = posts[post - 1];
    const [first] = whole;
    // Behind all turns, or where there is none before which it could stand.
    const isNext = first === undefined ? isBeginning : isBehind(next, first, listed, ids);
    if (next !== undefined && isNext) {
      taken.push([next]);
      count++;
      post--;
    } else if (first !== undefined) {
      ids.add(first.turn_id);
      taken.push(whole);
      count += whole.length;
      turn -= whole.length;
    } else break;
  }
  return { messages: inPlace(taken.toReversed().flat()), turns: ids, firstPost: posts[post]?.post };
}

/** Where its turn is not listed (it is open, or on another branch, or older) the time that both have says it: the same to all who ask. */
function isBehind(
  post: TranscriptMessage | undefined,
  first: TranscriptMessage,
  listed: ReadonlySet<TurnId>,
  newer: ReadonlySet<TurnId>,
): boolean {
  const { after, ts = 0 } = post ?? {};
  if (after === null || after === undefined) return false;
  return listed.has(after) ? after === first.turn_id || newer.has(after) : ts >= first.ts;
}

function lastTurn(messages: readonly TranscriptMessage[], end: number): readonly TranscriptMessage[] {
  let start = end;
  while (start > 0 && messages[start - 1]?.turn_id === messages[end - 1]?.turn_id) start--;
  return messages.slice(start, end);
}

/**
 * Behind which of these turns each post stands, by its number, as pages show it; null: before all of them. Both are given oldest first. The one rule for who shows a conversation and for who
 * tells a model of it.
 */
export function postPlaces(
  turns: readonly TranscriptMessage[],
  posts: readonly TranscriptMessage[],
): ReadonlyMap<number, TurnId | null> {
  const places = new Map<number, TurnId | null>();
  let before: TurnId | null = null;
  for (const { turn_id, post } of newestWithPosts(turns, posts, { limit: Infinity, isBeginning: true }).messages) {
    if (post === undefined) before = turn_id;
    else places.set(post, before);
  }
  return places;
}

import type { Bus, PathPage, PostPage } from "@parley/bus";
import {
  ChatError,
  messagesOf,
  newestWithPosts,
  transcriptOfPost,
  type ConversationId,
  type StoredTurn,
  type TranscriptMessage,
  type TurnId,
} from "@parley/protocol";
import type { PageCursor } from "./page-cursor.ts";

/** What a page shows, oldest first, and where the one before it ends. */
export interface MessagesPage {
  readonly messages: readonly TranscriptMessage[];
  readonly next: PageCursor | undefined;
}

/** How the turns of a page are read: how many messages of them. */
type ReadTurns = (limit: number) => Promise<PathPage | undefined>;

/** A page of a conversation without posts. */
export function plainPage({ turns, before, leaf }: PathPage): MessagesPage {
  const next = before === 0 ? undefined : { before, ...(leaf === undefined ? {} : { leaf }) };
  return { messages: messagesOf(turns), next };
}

/** The turns of a page in their order, and among them its posts, as turns without an answer: for who tells of turns. */
export function turnsOfPage(turns: readonly StoredTurn[], messages: readonly TranscriptMessage[]): StoredTurn[] {
  const known = new Map(turns.map((turn) => [turn.turn_id, turn]));
  const all = new Map<TurnId, StoredTurn>();
  for (const message of messages) {
    const { turn_id, post } = message;
    const turn = post === undefined ? known.get(turn_id) : { turn_id, seq: 0, question: message };
    if (turn !== undefined) all.set(turn_id, turn);
  }
  return [...all.values()];
}

/** The newest messages of both before the cursor: turns whole, and posts in their place. What is left out is on the next page. */
export async function pageWithPosts(
  bus: Pick<Bus, "posts">,
  conversation: ConversationId,
  cursor: PageCursor,
  { limit, first, readTurns }: { readonly limit: number; readonly first: PathPage; readonly readTurns: ReadTurns },
): Promise<MessagesPage> {
  const read = await readPosts(bus, conversation, cursor, limit);
  if (read.posts.length === 0) return plainPage(first);
  const posts = read.posts.map(({ post }) => transcriptOfPost(post));
  const isBeginning = first.before === 0;
  const { turns, messages, firstPost } = newestWithPosts(messagesOf(first.turns), posts, { limit, isBeginning });
  const isCut = first.turns.some(({ turn_id }) => !turns.has(turn_id));
  const isTaken = ({ post = 0 }: TranscriptMessage): boolean => firstPost !== undefined && post >= firstPost;
  const taken = posts.filter(isTaken);
  const left = read.posts.at(posts.length - taken.length - 1);
  const olderPosts = taken.length < posts.length ? (left?.seq ?? 0) : read.before;
  if (!isCut) return { messages, next: nextOf(first, olderPosts) };
  if (turns.size === 0) return { messages, next: behindPosts(cursor, olderPosts) };
  // Only the log can say where fewer turns end; what was just read is remembered.
  const again = (await readTurns(2 * turns.size)) ?? first;
  const whole = newestWithPosts(messagesOf(again.turns), taken, { limit: Infinity, isBeginning: true });
  return { messages: whole.messages, next: nextOf(again, olderPosts) };
}

/** No turn was on the page: the next one begins where it did. */
function behindPosts({ before, leaf }: PageCursor, posts: number): PageCursor {
  const place = { before, isEnd: before === 0, ...(leaf === undefined ? {} : { leaf }) };
  return posts === 0 ? place : { ...place, posts };
}

function nextOf({ before, leaf }: PathPage, posts: number): PageCursor | undefined {
  if (before === 0 && posts === 0) return undefined;
  return { before, ...(leaf === undefined ? {} : { leaf }), ...(posts === 0 ? {} : { posts }) };
}

async function readPosts(
  { posts }: Pick<Bus, "posts">,
  conversation: ConversationId,
  { before, posts: from, isEnd }: PageCursor,
  limit: number,
): Promise<PostPage> {
  const isFirst = before === 0 && from === undefined && isEnd !== true;
  if (!isFirst && from === undefined) return { posts: [], before: 0 };
  const page = await posts.tail(conversation, { limit, from });
  if (from !== undefined && page.posts.length === 0)
    throw new ChatError("INVALID_FRAME", { message: "`before` is not a place in this conversation." });
  return page;
}

/** Whether the turns of the conversation were all on the pages behind this one. */
export function hasNoTurnsLeft({ before, posts, isEnd }: PageCursor): boolean {
  return before === 0 && posts !== undefined && isEnd !== true;
}

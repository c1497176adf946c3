import {
  ChatError,
  limits,
  linkTo,
  seqsBefore,
  type ConversationId,
  type PostEvent,
  type PostRecord,
  type TurnId,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { appendBehind } from "./append-behind.ts";
import type { Facts } from "./facts.ts";
import { createPostRecords, type PostRecordDeps, type PostRecords, type StoredPost } from "./post-records.ts";
import { createPostTelling, type PostTelling } from "./post-telling.ts";
import { unreadableFact } from "./stored-fact.ts";

export interface PostDeps extends PostRecordDeps {
  readonly facts: Pick<Facts, "read">;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  readonly log: Logger;
}

export type NewPost = Omit<PostEvent, "type" | "n">;

/** From where on a post may have been stored already: what is older is not looked at. */
export type PostSince =
  /** Where the chain ended before the message was noted. */
  | { readonly seq: number }
  /** When the message was noted, by the broker's clock. */
  | { readonly storedMs: number };

export interface AppendedPost {
  readonly post: PostEvent;
  /** Sequence of its event; undefined: later ones were told behind it, or it is no longer kept. */
  readonly eventSeq: number | undefined;
  /** It was stored before. */
  readonly isRepeated: boolean;
}

export interface PostPage {
  /** Oldest first. */
  readonly posts: readonly PostAt[];
  /** Give it as `before` to read what is older; 0: nothing is. */
  readonly before: number;
}

/** A post, and the sequence of its record in `LOG`. */
export interface PostAt {
  readonly seq: number;
  readonly post: PostEvent;
}

/** The next leader of a stream may have another clock. */
const clockSkewMs = 60_000;
const mostLookBack = 10_000;
/** Whoever has stored a post has told it by then; clocks may differ by less. */
const tellingMs = 2_000;

export type Posts = ReturnType<typeof createPosts>;

/**
 * What people wrote to each other: a chain of records in `LOG`, on a subject of its own for each conversation, each behind the one before it (compare-and-set); then the
 * events, in the same order. Whoever comes by tells what a process that died has stored and not told.
 */
export function createPosts(deps: PostDeps) {
  const records = createPostRecords(deps);
  const telling = createPostTelling(deps, records);
  const { last } = records;
  const find = createFind(records);
  return {
    /** Where the chain ends, by the leader's word: 0, there is none. */
    endOf: async (conversation: ConversationId): Promise<number> =>
      (await records.lastFromLeader(conversation))?.seq ?? 0,

    append: createPostAppend(deps, { records, telling, find }),

    /** The newest `limit` from that record on backwards; default: from the end. */
    async tail(
      conversation: ConversationId,
      { limit, from }: { readonly limit: number; readonly from?: number | undefined },
    ): Promise<PostPage> {
      const newest = from === undefined ? await last(conversation) : await records.at(conversation, from);
      return pageFrom(records, newest, limit);
    },

    /** The same, for who shows the conversation to somebody: what was stored and never told is told now to all who look on. */
    async shown(conversation: ConversationId, limit: number): Promise<PostPage> {
      const newest = await last(conversation);
      if (newest?.post !== undefined && Date.now() - newest.storedMs > tellingMs)
        await telling
          .tell(newest)
          .catch((err: unknown) => deps.log.debug({ err, conversation }, "a post could not be told again"));
      return pageFrom(records, newest, limit);
    },

    /** The post of this turn id, if it was stored since then; by the broker's clock. */
    find: async (conversation: ConversationId, turn: TurnId, storedMs: number): Promise<PostEvent | undefined> =>
      (await find(await last(conversation), turn, { storedMs }))?.post,

    /** The conversation was deleted: what people wrote goes, and what was on its way is not stored behind this. */
    async bury(conversation: ConversationId): Promise<void> {
      if ((await records.lastFromLeader(conversation)) === undefined) return;
      await buryIn(deps, records, conversation);
    },
  };
}

async function buryIn({ events }: PostDeps, records: PostRecords, conversation: ConversationId): Promise<void> {
  const ts = Date.now();
  await appendBehind<PostRecord>(
    { append: events.append, last: () => lastOf(records, conversation), isPlain: true },
    records.subjectOf(conversation),
    (found) =>
      found !== undefined && found.value?.post === undefined
        ? undefined
        : { v: 1, kind: "post", conversation_id: conversation, prev: 0, ts },
  );
  await records.dropEarlier(conversation);
}

/** One that cannot be read is not a deletion. */
async function lastOf(records: PostRecords, conversation: ConversationId) {
  const found = await records.lastFromLeader(conversation);
  if (found === undefined) return undefined;
  const { seq, post, link, isDeletion, storedMs } = found;
  const value: PostRecord | undefined =
    post === undefined && !isDeletion
      ? undefined
      : { v: 1, kind: "post", ...link, ...(post && { post }), ts: storedMs };
  return { seq, value };
}

async function pageFrom(records: PostRecords, newest: StoredPost | undefined, limit: number): Promise<PostPage> {
  const posts: PostAt[] = [];
  if (newest === undefined) return { posts, before: 0 };
  const walk = records.walk(newest.link.conversation_id);
  let bytes = 0;
  let stored: StoredPost | undefined = newest;
  while (stored !== undefined && posts.length < limit && bytes < limits.transcriptPageBytes) {
    if (stored.isDeletion) return { posts, before: 0 };
    bytes += stored.bytes;
    if (stored.post !== undefined) posts.unshift({ seq: stored.seq, post: stored.post });
    stored = await walk.before(stored, limit - posts.length);
  }
  return { posts, before: stored === undefined || stored.isDeletion ? 0 : stored.seq };
}

type Find = ReturnType<typeof createFind>;

function createFind(records: PostRecords) {
  const isOlder = (stored: StoredPost, since: PostSince): boolean =>
    "seq" in since ? stored.seq <= since.seq : stored.storedMs < since.storedMs - clockSkewMs;

  return async (newest: StoredPost | undefined, turn: TurnId, since: PostSince): Promise<StoredPost | undefined> => {
    if (newest === undefined) return undefined;
    const walk = records.walk(newest.link.conversation_id);
    let stored: StoredPost | undefined = newest;
    for (let looked = 0; stored !== undefined && looked < mostLookBack; looked++) {
      if (stored.isDeletion || isOlder(stored, since)) return undefined;
      if (stored.post?.turn_id === turn) return stored;
      stored = await walk.before(stored, looked === 0 ? 1 : limits.recordsBack);
    }
    return undefined;
  };
}

interface AppendNeeds {
  readonly records: PostRecords;
  readonly telling: PostTelling;
  readonly find: Find;
}

/**
 * Appends a post, if it was not stored `since`, and tells it. Exactly once, whoever else tries. Throws NOT_FOUND where the conversation was deleted meanwhile,
 * EventTooLargeError, and OVERLOADED when the broker has not answered for 15 s.
 */
function createPostAppend(deps: PostDeps, { records, telling, find }: AppendNeeds) {
  const { events } = deps;
  return async (draft: NewPost, since: PostSince): Promise<AppendedPost> => {
    const { conversation_id: conversation, turn_id } = draft;
    let newest: StoredPost | undefined;
    let known: StoredPost | undefined;
    const last = async () => {
      newest = await records.lastFromLeader(conversation);
      return newest && { seq: newest.seq, value: undefined };
    };
    const appended = await appendBehind<PostRecord>(
      { append: events.append, last },
      records.subjectOf(conversation),
      async () => {
        known = await find(newest, turn_id, since);
        if (known !== undefined) return undefined;
        if (newest?.isDeletion === true) await checkNoted(deps, draft);
        return recordBehind(newest, draft);
      },
    );
    const post = appended?.value.post ?? known?.post;
    if (post === undefined) throw new Error("a post was neither stored nor found");
    // Nothing was there on which a deletion that came in between could leave its mark.
    if (appended !== undefined && newest === undefined)
      await checkNoted(deps, draft).catch((error: unknown) => dropLone(deps, records, conversation, error));
    const eventSeq = await telling.tell(storedOf(appended, known, newest), turn_id);
    return { post, eventSeq, isRepeated: appended === undefined };
  };
}

function recordBehind(newest: StoredPost | undefined, draft: NewPost): PostRecord {
  const isFirst = newest === undefined || newest.isDeletion;
  const n = isFirst ? 1 : (newest.post?.n ?? newest.seq) + 1;
  const link = isFirst ? { prev: newest?.seq ?? 0 } : linkTo([newest.seq, ...seqsBefore(newest.link)]);
  const { conversation_id, ts } = draft;
  return { v: 1, kind: "post", conversation_id, ...link, post: { type: "post", ...draft, n }, ts };
}

function storedOf(
  appended: { readonly seq: number; readonly value: PostRecord } | undefined,
  known: StoredPost | undefined,
  newest: StoredPost | undefined,
): StoredPost {
  if (appended === undefined) {
    // What was stored behind it may not have been told either.
    if (newest === undefined && known === undefined) throw new Error("there is no post to be told");
    return newest ?? known ?? missing();
  }
  const { seq, value } = appended;
  const { post, conversation_id, prev, back } = value;
  const link = { conversation_id, prev, ...(back === undefined ? {} : { back }) };
  return { seq, storedMs: newest?.storedMs ?? value.ts, bytes: 0, post, isDeletion: false, link };
}

function missing(): never {
  throw new Error("there is no post to be told");
}

/** Deletion takes the facts first: a message whose fact is gone was on its way when its conversation was deleted. */
async function checkNoted({ facts }: PostDeps, { conversation_id, turn_id }: NewPost): Promise<void> {
  const said = await facts.read("said", { conversation: conversation_id, turn: turn_id });
  if (said !== undefined || said === unreadableFact) return;
  throw new ChatError("NOT_FOUND", { message: "This message was deleted. Send it again under another id." });
}

async function dropLone(
  deps: PostDeps,
  records: PostRecords,
  conversation: ConversationId,
  error: unknown,
): Promise<never> {
  await buryIn(deps, records, conversation);
  throw error;
}

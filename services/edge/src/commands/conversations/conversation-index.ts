import { conversationListKey, type connectRedis, type SealedTexts } from "@parley/bus";
import { redisKeys, type ConversationId } from "@parley/protocol";

export type Redis = ReturnType<typeof connectRedis>;

export interface IndexEntry {
  readonly conversation_id: ConversationId;
  readonly title: string;
  /** ms since 1970. */
  readonly updated_at: number;
}

/** Where the next page begins: after this entry, which is older than what came before it. */
export interface PagePlace {
  readonly updated_at: number;
  readonly conversation_id: ConversationId;
}

export interface IndexPage {
  readonly entries: IndexEntry[];
  readonly next: PagePlace | undefined;
}

export type ConversationIndex = ReturnType<typeof createConversationIndex>;

const { conversationsUnbroken: unbroken } = redisKeys;

/** Conversations of one user that may be noted in the same millisecond and still be paged through. */
const maxTies = 16;
/** The user's oldest conversations beyond this are no longer listed; their transcripts stay. */
export const maxPerUser = 5_000;
/** In one command. */
const maxAtOnce = 500;
/** Conversations of which a process remembers that they have a title, some 150 bytes each: more than go on at it within minutes. */
const maxTitled = 10_000;

/** Conversations whose title was written by this process: a second command with each message would say it again. The oldest go first. */
function createTitled() {
  const places = new Set<string>();
  return {
    has: (place: string): boolean => places.has(place),
    delete: (place: string): boolean => places.delete(place),
    add(place: string): void {
      places.add(place);
      const [oldest] = places;
      if (places.size > maxTitled && oldest !== undefined) places.delete(oldest);
    },
  };
}

/**
 * A user's conversations in Redis: a sorted set by the time of the last message or end of an answer, a hash of titles, and a mark that the two are all of them.
 * A read model: what is lost is rebuilt. Everything throws while Redis is away.
 */
export function createConversationIndex(redis: Redis, texts: SealedTexts) {
  const titled = createTitled();
  const { seal, open } = createTitleSealing(texts);
  return {
    /** The title stays what it was first. */
    async note(userId: string, { conversation_id, title, updated_at }: IndexEntry): Promise<void> {
      const { times, titles } = keysOf(userId);
      const place = `${times} ${conversation_id}`;
      const adding = redis.zadd(times, "GT", String(updated_at), conversation_id);
      if (titled.has(place) && (await adding) === 0) return;
      // Not there any more: removed meanwhile, perhaps by another edge, or lost with Redis. Should the next line fail, it is not known again.
      titled.delete(place);
      const [added] = await Promise.all([
        adding,
        redis.hsetnx(titles, conversation_id, await seal(conversation_id, title)),
      ]);
      titled.add(place);
      // One that was there already makes them no more.
      if (added === 0) return;
      const surplus = await redis.zrange(times, "0", String(-maxPerUser - 1));
      if (surplus.length > 0) await remove(redis, userId, surplus);
    },

    remove: (userId: string, conversation: ConversationId): Promise<void> => remove(redis, userId, [conversation]),

    /** Notes many at once; their titles are those of the first messages, whatever was noted before. */
    restore: (userId: string, entries: readonly IndexEntry[]): Promise<void> => restore(redis, userId, entries, seal),

    /** The newest ones after the place (default: the newest of all). */
    page: (userId: string, limit: number, after: PagePlace | undefined): Promise<IndexPage> =>
      readPage(redis, userId, { limit, after, open }),

    /** Whether Redis has held all that was ever noted. Undefined: it does not know, because it is new, or has lost everything. */
    async isUnbroken(): Promise<boolean | undefined> {
      const mark = await redis.get(unbroken);
      return mark === null ? undefined : mark === "1";
    },

    /** Says what `isUnbroken` answers from now on, unless somebody was first. */
    async begin(isFirst: boolean): Promise<void> {
      await redis.set(unbroken, isFirst ? "1" : "0", "NX");
    },

    /** Whether it has all of the user's conversations, as far as anybody knows. */
    isWhole: async (userId: string): Promise<boolean> => (await redis.exists(keysOf(userId).whole)) === 1,

    /** `forMs`: after that it is looked at again. */
    async markWhole(userId: string, forMs: number): Promise<void> {
      await redis.set(keysOf(userId).whole, "1", "PX", forMs);
    },
  };
}

/** Redis orders equal times by name, and this goes backwards. */
function isAfter({ updated_at, conversation_id }: IndexEntry, place: PagePlace): boolean {
  if (updated_at !== place.updated_at) return updated_at < place.updated_at;
  return conversation_id < place.conversation_id;
}

async function remove(redis: Redis, userId: string, conversations: readonly ConversationId[]): Promise<void> {
  const { times, titles } = keysOf(userId);
  await Promise.all([redis.zrem(times, ...conversations), redis.hdel(titles, ...conversations)]);
}

type Sealing = ReturnType<typeof createTitleSealing>;

interface PageWish extends Pick<Sealing, "open"> {
  readonly limit: number;
  readonly after: PagePlace | undefined;
}

async function readPage(redis: Redis, userId: string, { limit, after, open }: PageWish): Promise<IndexPage> {
  const { times, titles } = keysOf(userId);
  const max = after?.updated_at ?? "+inf";
  const members = await redis.zrevrangebyscore(times, max, "-inf", "LIMIT", 0, limit + 1 + maxTies);
  const [scores, names] =
    members.length === 0
      ? [[], []]
      : await Promise.all([redis.zmscore(times, ...members), redis.hmget(titles, ...members)]);
  const opened = await Promise.all(members.map((conversation_id, i) => open(conversation_id, names[i] ?? "")));
  const all = members.map((conversation_id, i): IndexEntry => ({
    conversation_id,
    title: opened[i] ?? "",
    updated_at: Number(scores[i]),
  }));
  const left = after === undefined ? all : all.filter((entry) => isAfter(entry, after));
  const entries = left.slice(0, limit);
  const last = entries.at(-1);
  return { entries, next: left.length > limit && last !== undefined ? last : undefined };
}

async function restore(
  redis: Redis,
  userId: string,
  entries: readonly IndexEntry[],
  seal: Sealing["seal"],
): Promise<void> {
  const { times, titles } = keysOf(userId);
  for (let from = 0; from < entries.length; from += maxAtOnce) {
    const some = entries.slice(from, from + maxAtOnce);
    const sealed = await Promise.all(
      some.map(async ({ conversation_id, title }): Promise<[string, string]> => [
        conversation_id,
        await seal(conversation_id, title),
      ]),
    );
    await Promise.all([
      redis.zadd(times, "GT", ...some.flatMap((entry) => [String(entry.updated_at), entry.conversation_id])),
      redis.hset(titles, new Map(sealed)),
    ]);
  }
}

/** In place of the title of a conversation whose key was erased: what is left of it goes with the next deletion. */
const deletedTitle = "This conversation was deleted.";

/** Each title by the key of its conversation: what lists say of it goes with it. */
function createTitleSealing(texts: SealedTexts) {
  const placeOf = (conversation: ConversationId) => ({ scope: `c:${conversation}`, place: `list.${conversation}` });
  return {
    seal: (conversation: ConversationId, title: string): Promise<string> => texts.seal(placeOf(conversation), title),
    open: async (conversation: ConversationId, title: string): Promise<string> =>
      (await texts.open(placeOf(conversation), title)) ?? deletedTitle,
  };
}

function keysOf(userId: string) {
  const root = conversationListKey(userId);
  return { times: root, titles: `${root}:titles`, whole: `${root}:whole` };
}

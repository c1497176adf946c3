import type { Bus } from "@parley/bus";
import { isTerminal, limits, subjects, type ConversationId } from "@parley/protocol";
import { createFairGate } from "../../fair-gate.ts";
import type { BeginningOf } from "./beginnings.ts";
import type { ConversationIndex, IndexEntry, IndexPage, PagePlace } from "./conversation-index.ts";
import type { Matches } from "./list-search.ts";

export interface ListingDeps {
  readonly bus: Pick<Bus, "events" | "facts" | "titles" | "turns" | "readMarks">;
  readonly index: Pick<ConversationIndex, "page">;
  readonly beginningOf: BeginningOf;
}

/** A conversation as a list shows it. */
export interface ListEntry extends IndexEntry {
  /** Absent: nothing runs in it. */
  readonly status?: "running" | "waiting";
  /** Messages of others that the user has not read; absent: nobody else has a part in it. */
  readonly unread?: number;
}

export interface ListPage {
  readonly entries: ListEntry[];
  readonly next: PagePlace | undefined;
}

export interface ListQuery {
  readonly userId: string;
  readonly limit: number;
  readonly after: PagePlace | undefined;
  /** Whether the caller may see it: a user may be of several tenants, and each sees what was begun in it. */
  readonly isOwn: (conversation: ConversationId) => Promise<boolean>;
  /** Whether others have a part in it: of those it is counted what is unread. Absent: of none. */
  readonly isRoom?: (conversation: ConversationId) => boolean;
}

/** Entries that are looked through in one go; each may take a look at the broker. */
const scanned = 64;
/** A search may take a look at the broker for each of thousands of conversations. */
const searches = { atOnce: 4, perUser: 4 };

/**
 * The lists of users: read from the index, with what only the broker knows. Titles are not taken from Redis: who gives one may have none there (an agent
 * worker), and an edge may die before it has noted it. One exact look-up each.
 */
export function createListing({ bus, index, beginningOf }: ListingDeps) {
  const shown = async ({ userId, isRoom }: ListQuery, entry: IndexEntry, title?: string): Promise<ListEntry> => {
    const { conversation_id: id, updated_at } = entry;
    const [name, status, unread] = await Promise.all([
      title ?? bus.titles.of(id).then(async (given) => given ?? (await beginningOf(entry))),
      isPast(entry) ? undefined : statusOf(bus, id),
      isRoom?.(id) === true ? bus.readMarks.unread(id, userId, updated_at) : undefined,
    ]);
    const counted = unread === undefined ? {} : { unread };
    return { ...entry, title: name, ...(status === undefined ? {} : { status }), ...counted };
  };

  /** Those of a page that fit, with the titles that were given them, as far as somebody had to look. */
  const matchesIn = async ({ entries }: IndexPage, matches: Matches, { isOwn }: ListQuery) => {
    const found = await Promise.all(
      entries.map(async (entry) => {
        const { conversation_id, title: beginning } = entry;
        // A title was given by whoever found the beginning not good enough; both are looked through together.
        const title = matches(beginning) ? undefined : ((await bus.titles.of(conversation_id)) ?? "");
        const fits = title === undefined || (title !== "" && matches(`${title} ${beginning}`));
        if (!fits || !(await isOwn(conversation_id))) return undefined;
        const now = await beginningOf(entry);
        const isFound = now === beginning || matches(`${(await bus.titles.of(conversation_id)) ?? ""} ${now}`);
        return isFound ? { entry, title } : undefined;
      }),
    );
    return found.filter((one) => one !== undefined);
  };

  const search = async (query: ListQuery, matches: Matches): Promise<ListPage> => {
    const { userId, limit } = query;
    const found: Awaited<ReturnType<typeof matchesIn>> = [];
    let place = query.after;
    do {
      const page = await index.page(userId, scanned, place);
      found.push(...(await matchesIn(page, matches, query)));
      place = page.next;
    } while (place !== undefined && found.length <= limit);
    const entries = await Promise.all(found.slice(0, limit).map(({ entry, title }) => shown(query, entry, title)));
    return { entries, next: found.length > limit ? found[limit - 1]?.entry : undefined };
  };

  const enter = createFairGate(searches);
  return {
    /** The user's conversations, newest first, each with its title or the beginning of its first message. */
    async list(query: ListQuery): Promise<ListPage> {
      const { userId, limit, after, isOwn } = query;
      const page = await index.page(userId, limit, after);
      const own = await Promise.all(page.entries.map(({ conversation_id }) => isOwn(conversation_id)));
      const entries = await Promise.all(page.entries.filter((_, i) => own[i] === true).map((one) => shown(query, one)));
      return { entries, next: page.next };
    },

    /**
     * Those of them that match, by title or beginning. It looks through no more than the user's list, which is bounded, and stops when the page is full. Throws
     * RATE_LIMITED where too many searches of the user are under way.
     */
    search: (query: ListQuery, matches: Matches): Promise<ListPage> =>
      enter(query.userId, () => search(query, matches)),
  };
}

/** Whatever was accepted then is no longer in the queue: most of a long list needs no look. */
function isPast({ updated_at }: IndexEntry): boolean {
  return Date.now() - updated_at > limits.turnQueueKeepMs;
}

/** How the first turn of a conversation that has not ended stands, by the queue: one look-up where there is none. */
async function statusOf(
  { events, facts, turns }: ListingDeps["bus"],
  conversation: ConversationId,
): Promise<ListEntry["status"]> {
  const first = await turns.first(conversation);
  if (first === undefined) return undefined;
  const { turn_id: turn } = first.request;
  const last = await events.last(subjects.agent(events.shardOf(conversation), conversation, turn));
  // Its end is stored; it leaves the queue in a moment.
  if (last !== undefined && isTerminal(last.event.type)) return undefined;
  if (last !== undefined) return last.event.type === "waiting" ? "waiting" : "running";
  // Not begun; or it waits for longer than events are kept.
  return (await facts.read("wait", { conversation, turn })) === undefined ? "running" : "waiting";
}

import {
  createLogSizes,
  createToolJobs,
  erasedError,
  type Bus,
  type DeletionListener,
  type PathPage,
  type PathQuery,
  type ShownTranscripts,
} from "@parley/bus";
import {
  ChatError,
  subjects,
  type Caller,
  type ConversationId,
  type FeedbackEntry,
  type Handover,
  type MessageChanges,
  type StoredTurn,
  type People,
  type TurnId,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { shownHandover } from "../../hub/shown-handover.ts";
import { createBeginnings } from "./beginnings.ts";
import { createConversationIndex, type Redis } from "./conversation-index.ts";
import { createDeletion, createRetiring } from "./deletion.ts";
import { createIndexNotes } from "./index-notes.ts";
import { createIndexRebuild } from "./index-rebuild.ts";
import type { Matches } from "./list-search.ts";
import { createAccepted, createMemberLists, idsOf } from "./member-lists.ts";
import type { PageCursor } from "./page-cursor.ts";
import { createListing, type ListPage, type ListQuery } from "./listing.ts";
import type { PeopleOf } from "../known-people.ts";
import { checkNotHeld } from "../holds/held.ts";
import { hasNoTurnsLeft, pageWithPosts, plainPage, turnsOfPage, type MessagesPage } from "./post-pages.ts";
import { createChangesOf, pageNow, type ChangesOf, type HasChanges } from "./shown-changes.ts";
import { createMessageSearch, type SearchQuery, type SearchResult } from "./message-search.ts";

export interface ConversationsDeps {
  readonly bus: Bus;
  /** Undefined: there are no lists. */
  readonly redis: Redis | undefined;
  readonly hasChanges: HasChanges;
  /** As they stand now. */
  readonly transcripts: ShownTranscripts;
  /** Called with each conversation that was deleted, here or by another edge. */
  readonly onDeleted: DeletionListener;
  readonly peopleOf: PeopleOf;
  /** As this process remembers it, without a question: whoever alone has a conversation costs none. */
  readonly peekPeople: (conversation: ConversationId) => People | undefined;
  readonly log: Logger;
}

export interface TitledPage extends MessagesPage {
  /** The same as turns: a post is one without an answer. */
  readonly turns: readonly StoredTurn[];
  readonly title: string | undefined;
  /** Whether a person answers in it. Of the newest page. */
  readonly handover: Handover | undefined;
  /** What was said of its answers, by whomever. */
  readonly feedback: readonly FeedbackEntry[];
  /** What became of its messages after they were written: they are shown as they stand now. */
  readonly changes: readonly MessageChanges[];
}

/** Whose conversation it is that is deleted. */
type Whose = Pick<Caller, "tenant"> & { readonly user: Pick<Caller["user"], "id"> };

export type Conversations = ReturnType<typeof createConversations>;

/** Conversations as things: listed, read and deleted. Lists come from Redis; everything else does without it. */
export function createConversations(deps: ConversationsDeps) {
  const { bus, redis, hasChanges, onDeleted, peopleOf, peekPeople, log } = deps;
  const index = redis === undefined ? undefined : createConversationIndex(redis, bus.texts);
  const changesOf = createChangesOf(bus, hasChanges);
  const { listing, search } = createLists(deps, index, changesOf);
  const notes = index === undefined ? undefined : createIndexNotes(index, () => redis?.status === "ready", log);
  const rebuild = index === undefined ? undefined : createIndexRebuild({ bus, index, log });

  const unlist = async (userId: string, id: ConversationId): Promise<void> => notes?.remove(userId, id);
  const deleteWhole = createDeletion({ bus, jobs: redis && createToolJobs({ redis, log }), unlist });
  const forgetDeletions = bus.conversations.onDeleted((conversation, lastSeq) => {
    bus.events.forgetShared();
    notes?.forget(conversation);
    rebuild?.forget(conversation);
    onDeleted(conversation, lastSeq);
  });

  const retire = createRetiring({ bus, unlist });
  const removed = createRemoving(deps, unlist);
  let isPrepared = rebuild === undefined;
  const prepare = (): void => {
    isPrepared = true;
    rebuild?.prepare().catch((err: unknown) => {
      log.debug({ err }, "the lists of conversations could not be prepared yet");
      isPrepared = false;
    });
  };

  return {
    /** A message was accepted. Waits for nothing. */
    accepted: createAccepted({ notes, peekPeople }),

    /** What becomes of members' lists. Waits for nothing. */
    lists: createMemberLists({ bus, notes, log }),

    /** Once a second. */
    sweep(): void {
      notes?.sweep();
      if (!isPrepared) prepare();
    },

    /** See `createListing`; with `matches` those that fit. Throws OVERLOADED while Redis is away. */
    list: (query: ListQuery, matches: Matches | undefined): Promise<ListPage> =>
      listed(rebuild, query, listing && (matches === undefined ? listing.list : (one) => listing.search(one, matches))),

    /** See `createMessageSearch`. Throws OVERLOADED while Redis is away. */
    find: (query: SearchQuery): Promise<SearchResult> => listed(rebuild, query, search),

    messages: createMessagePages(bus, peopleOf, changesOf),

    /** As its owner asks for it. Throws CONFLICT where it is held, CONVERSATION_BUSY or OVERLOADED; then it can be asked again. */
    async delete(conversation: ConversationId, whose: Whose): Promise<void> {
      await checkNotHeld(bus, conversation, whose);
      await removed(conversation, whose, async () => (await deleteWhole(conversation, whose.user), true));
    },

    /** One in which nothing has happened since then. Returns whether it was removed. */
    retire: (conversation: ConversationId, whose: Whose, notSinceMs: number): Promise<boolean> =>
      removed(conversation, whose, () => retire(conversation, whose.user.id, notSinceMs)),

    close(): void {
      forgetDeletions();
      rebuild?.close();
    },
  };
}

/** What follows when all of a conversation was removed. */
function createRemoving(
  { bus, redis }: Pick<ConversationsDeps, "bus" | "redis">,
  unlist: (user: string, conversation: ConversationId) => Promise<void>,
) {
  const logSizes = redis && createLogSizes(redis);
  return async (id: ConversationId, { user, tenant }: Whose, remove: () => Promise<boolean>): Promise<boolean> => {
    // While it is known yet whose it was.
    const people = (await bus.people.of(id))?.people;
    if (!(await remove())) return false;
    await Promise.all(idsOf(people).map((one) => unlist(one, id)));
    await logSizes?.forget({ user: user.id, tenant }, id);
    return true;
  };
}

function createLists(
  { bus, hasChanges, transcripts, peopleOf }: ConversationsDeps,
  index: ReturnType<typeof createConversationIndex> | undefined,
  changesOf: ChangesOf,
) {
  if (index === undefined) return {};
  const beginningOf = createBeginnings(bus, hasChanges);
  return {
    listing: createListing({ bus, index, beginningOf }),
    search: createMessageSearch({ bus: { ...bus, transcripts }, index, peopleOf, beginningOf, changesOf }),
  };
}

/** Asks for something of a user's list, once that is whole. Without Redis there is none. */
async function listed<Query extends { readonly userId: string }, T>(
  rebuild: Pick<ReturnType<typeof createIndexRebuild>, "ensure"> | undefined,
  query: Query,
  ask: ((query: Query) => Promise<T>) | undefined,
): Promise<T> {
  if (ask === undefined || rebuild === undefined) throw noList(undefined);
  try {
    await rebuild.ensure(query.userId);
    return await ask(query);
  } catch (error) {
    throw error instanceof ChatError ? error : noList(error);
  }
}

/**
 * Pages of the branch of a conversation's newest turn, or of the newest one through another turn. Throw NOT_FOUND when nothing is stored of it, or of that turn, INVALID_FRAME when
 * `before` is not a place in it.
 */
function createMessagePages(bus: Bus, peopleOf: PeopleOf, changesOf: ChangesOf) {
  return async (
    conversation: ConversationId,
    limit: number,
    cursor: PageCursor,
    through?: TurnId,
  ): Promise<TitledPage> => {
    const query = { limit, before: cursor.before, ...pathOf(cursor, through) };
    const people = await peopleOf(conversation);
    return pageOf(bus, conversation, { query, cursor, hasPosts: people !== undefined, changesOf });
  };
}

/** A page that follows on another one names its path. */
function pathOf({ leaf }: PageCursor, through: TurnId | undefined): Pick<PathQuery, "leaf" | "through"> {
  return leaf === undefined ? { through } : { leaf };
}

interface PageWish {
  readonly query: PathQuery;
  readonly cursor: PageCursor;
  /** People may have written to each other in it. */
  readonly hasPosts: boolean;
  readonly changesOf: ChangesOf;
}

const noTurns: PathPage = { turns: [], before: 0 };

function unlessErased(page: PathPage | undefined): PathPage | undefined {
  if (page?.isErased === true) throw erasedError();
  return page;
}

async function pageOf(
  bus: Bus,
  conversation: ConversationId,
  { query, cursor, hasPosts, changesOf }: PageWish,
): Promise<TitledPage> {
  const { before = 0, through, limit } = query;
  await checkPlace(bus, conversation, before);
  const readTurns = async (messages: number) =>
    unlessErased(await bus.transcripts.path(conversation, { ...query, limit: messages }));
  const [page, title, feedback] = await Promise.all([
    hasNoTurnsLeft(cursor) ? noTurns : readTurns(limit),
    bus.titles.of(conversation),
    bus.feedback.of(conversation),
  ]);
  if (page === undefined) throw (through ?? query.leaf) === undefined ? notFound() : noSuchTurn();
  const way = { limit, first: page, readTurns };
  const shown = hasPosts ? await pageWithPosts(bus, conversation, cursor, way) : plainPage(page);
  if (shown.messages.length === 0 && !(await exists(bus, conversation))) throw notFound();
  const handover = before > 0 ? undefined : await shownHandover(bus.handovers, conversation, page.turns);
  const changes = await changesOf(conversation, shown.messages);
  const turns = hasPosts ? turnsOfPage(page.turns, shown.messages) : page.turns;
  return { ...shown, ...pageNow({ messages: shown.messages, turns }, changes), title, feedback, handover };
}

/** A place is a number that anybody can make up. */
async function checkPlace(bus: Bus, conversation: ConversationId, before: number): Promise<void> {
  if (before === 0 || (await bus.conversations.hasRecord(conversation, before))) return;
  throw new ChatError("INVALID_FRAME", { message: "`before` is not a place in this conversation." });
}

async function exists({ events, turns }: Bus, conversation: ConversationId): Promise<boolean> {
  if ((await events.last(subjects.eventsOf(events.shardOf(conversation), conversation))) !== undefined) return true;
  return (await turns.first(conversation)) !== undefined;
}

function notFound(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such conversation." });
}

function noSuchTurn(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such turn in this conversation that has ended." });
}

function noList(cause: unknown): ChatError {
  const message = "The list of conversations cannot be read at the moment; the conversations themselves can.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 2_000, cause });
}

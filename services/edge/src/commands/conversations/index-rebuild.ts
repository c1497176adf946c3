import type { Bus } from "@parley/bus";
import { ChatError, type ConversationId } from "@parley/protocol";
import { DeadlineError, withDeadline, type Logger } from "@parley/runtime";
import { maxPerUser, type ConversationIndex, type IndexEntry } from "./conversation-index.ts";
import { titleOf } from "./index-notes.ts";

export interface IndexRebuildDeps {
  readonly bus: Pick<Bus, "conversations" | "turns">;
  readonly index: ConversationIndex;
  readonly log: Logger;
}

/** Users whose lists may wait to be made again. */
const maxWaiting = 64;
/** How long one request waits. The work goes on, and the next request finds more of it done. */
const maxRequestMs = 10_000;
/** Conversations that are looked up side by side. */
const lookUps = 16;
/** A list that is whole is believed for this long. */
const wholeForMs = 30 * 86_400_000;

/**
 * Whose conversations there are is known only from the owner records of everybody, some 10,000 a second; so those who wait share one scan,
 * and one scan runs at a time. Nothing is kept but what is theirs.
 */
function createSharedScan(conversations: Pick<Bus["conversations"], "ownedBy">, signal: AbortSignal) {
  let last: Promise<unknown> = Promise.resolve();
  /** The one that has not begun yet, and its users. */
  let coming: { users: Set<string>; found: Promise<ReadonlyMap<string, ConversationId[]>> } | undefined;

  const scan = async (users: ReadonlySet<string>): Promise<ReadonlyMap<string, ConversationId[]>> => {
    await last.catch(() => {});
    coming = undefined;
    const found = conversations.ownedBy(users, signal);
    last = found;
    return found;
  };

  return async (userId: string): Promise<readonly ConversationId[]> => {
    if (coming === undefined) {
      const users = new Set<string>();
      coming = { users, found: scan(users) };
    }
    coming.users.add(userId);
    return (await coming.found).get(userId) ?? [];
  };
}

/** Makes users' lists again from what is stored, when Redis has lost them. */
export function createIndexRebuild({ bus, index, log }: IndexRebuildDeps) {
  const closing = new AbortController();
  const ownedBy = createSharedScan(bus.conversations, closing.signal);
  /** Each resolves when the user's list is whole. */
  const waiting = new Map<string, Promise<void>>();
  /** What was read of these before they were deleted must not be written afterwards. */
  const deleted = new Set<ConversationId>();

  const rebuild = async (userId: string): Promise<void> => {
    const entries = await entriesOf(bus, await ownedBy(userId), closing.signal);
    const isKept = ({ conversation_id }: IndexEntry): boolean => !deleted.has(conversation_id);
    await index.restore(userId, entries.filter(isKept));
    for (const entry of entries) if (!isKept(entry)) await index.remove(userId, entry.conversation_id);
    await index.markWhole(userId, wholeForMs);
  };

  const begin = (userId: string): Promise<void> => {
    const mine = rebuild(userId).finally(() => {
      waiting.delete(userId);
      if (waiting.size === 0) deleted.clear();
    });
    waiting.set(userId, mine);
    // Who waited may have given up; the next one who asks begins again.
    mine.catch((err: unknown) => log.warn({ err }, "a list of conversations could not be made again"));
    return mine;
  };

  /** A Redis that was there before the first conversation has lost nothing: a user without a list is a new one, and needs no scan. */
  const isUnbroken = async (): Promise<boolean> => {
    const known = await index.isUnbroken();
    if (known !== undefined) return known;
    await index.begin(await bus.conversations.isEmpty());
    return (await index.isUnbroken()) ?? false;
  };

  return {
    /** To be called at the start, until it succeeds. */
    prepare: isUnbroken,

    /** Resolves when the list is whole. Throws OVERLOADED when that takes too long, or too many wait for theirs. */
    async ensure(userId: string): Promise<void> {
      if ((await isUnbroken()) || (await index.isWhole(userId))) return;
      const joined = waiting.get(userId);
      if (joined === undefined && waiting.size >= maxWaiting)
        throw new ChatError("OVERLOADED", { retryAfterMs: 5_000 });
      await withDeadline(joined ?? begin(userId), maxRequestMs, "making the list of conversations").catch(notYet);
    },

    forget(conversation: ConversationId): void {
      if (waiting.size > 0) deleted.add(conversation);
    },

    close: (): void => closing.abort(new Error("the edge is closing")),
  };
}

function notYet(error: unknown): never {
  if (!(error instanceof DeadlineError)) throw error;
  const message = "The list of conversations is being made again. Try again in a moment.";
  throw new ChatError("OVERLOADED", { message, retryAfterMs: 3_000, cause: error });
}

type RebuildBus = IndexRebuildDeps["bus"];

/** The newest of the conversations, as they are listed. */
async function entriesOf(
  bus: RebuildBus,
  conversations: readonly ConversationId[],
  signal: AbortSignal,
): Promise<IndexEntry[]> {
  // Of a user with more than are listed, which those are takes one look-up each; the rest takes more.
  const newest =
    conversations.length <= maxPerUser
      ? conversations
      : (await mapSome(conversations, (one) => placed(bus, one), signal))
          .filter((one) => one !== undefined)
          .toSorted((a, b) => b.updatedMs - a.updatedMs)
          .slice(0, maxPerUser)
          .map(({ conversation }) => conversation);
  const entries = await mapSome(newest, (one) => entryOf(bus, one), signal);
  return entries.filter((entry) => entry !== undefined);
}

async function placed({ conversations, turns }: RebuildBus, conversation: ConversationId) {
  // One whose first answer still runs has no record yet.
  const updatedMs =
    (await conversations.updatedAt(conversation)) ?? (await turns.first(conversation))?.request.accepted_at;
  return updatedMs === undefined ? undefined : { conversation, updatedMs };
}

/** Undefined: it was deleted, or nothing was ever said in it. */
async function entryOf({ conversations, turns }: RebuildBus, conversation_id: ConversationId) {
  const outline = await conversations.outlineOf(conversation_id);
  if (outline !== undefined) {
    return { conversation_id, title: titleOf(outline.first ?? ""), updated_at: outline.updatedMs };
  }
  const first = (await turns.first(conversation_id))?.request;
  return first && { conversation_id, title: titleOf(first.message), updated_at: first.accepted_at };
}

async function mapSome<In, Out>(
  inputs: readonly In[],
  map: (input: In) => Promise<Out>,
  signal: AbortSignal,
): Promise<Out[]> {
  const outputs: Out[] = [];
  const left = inputs.entries();
  const work = async (): Promise<void> => {
    for (const [i, input] of left) {
      signal.throwIfAborted();
      outputs[i] = await map(input);
    }
  };
  await Promise.all(Array.from({ length: lookUps }, work));
  return outputs;
}

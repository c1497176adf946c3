import type { Bus } from "@parley/bus";
import { ChatError, type ConversationId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { titleOf } from "./index-notes.ts";
import type { ConversationIndex, IndexEntry } from "./conversation-index.ts";

export interface IndexRebuildDeps {
  readonly bus: Pick<Bus, "conversations" | "transcripts">;
  readonly index: ConversationIndex;
  readonly log: Logger;
}

/** A scan looks at the owner records of everybody, so it is short, and one at a time. */
const maxRecords = 20_000;
const maxScanMs = 10_000;
const maxWaiting = 16;
/** Records of one conversation that are looked through for its first message. */
const maxTitleRecords = 100;
/** A list that is whole is believed for this long; one that a limit cut short is tried again sooner. */
const wholeForMs = 30 * 86_400_000;
const partialForMs = 3_600_000;

/** Makes a user's list again from what is stored, when Redis has lost it. */
export function createIndexRebuild({ bus, index, log }: IndexRebuildDeps) {
  const running = new Map<string, Promise<void>>();
  let last: Promise<void> = Promise.resolve();

  const rebuild = async (userId: string): Promise<void> => {
    const signal = AbortSignal.timeout(maxScanMs);
    const { conversations, isWhole } = await bus.conversations.ownedBy(userId, { maxRecords, signal });
    if (!isWhole) log.warn({ found: conversations.length }, "a list of conversations was only rebuilt in part");
    for (const conversation of conversations.toReversed()) {
      if (signal.aborted) break;
      const entry = await entryOf(bus, conversation);
      if (entry !== undefined) await index.note(userId, entry);
    }
    await index.markWhole(userId, isWhole && !signal.aborted ? wholeForMs : partialForMs);
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

    /** Resolves when the list is as whole as it gets. Throws OVERLOADED when too many wait for theirs. */
    async ensure(userId: string): Promise<void> {
      if ((await isUnbroken()) || (await index.isWhole(userId))) return;
      const joined = running.get(userId);
      if (joined !== undefined) return joined;
      if (running.size >= maxWaiting) throw new ChatError("OVERLOADED", { retryAfterMs: 5_000 });
      const mine = last.then(() => rebuild(userId)).finally(() => running.delete(userId));
      last = mine.catch(() => {});
      running.set(userId, mine);
      return mine;
    },
  };
}

/** Undefined: nothing is stored of it. It was deleted, or its first answer still runs, and then it was noted when that began. */
async function entryOf(
  { transcripts }: Pick<Bus, "transcripts">,
  conversation: ConversationId,
): Promise<IndexEntry | undefined> {
  const { records } = await transcripts.tail(conversation, { limit: maxTitleRecords });
  const newest = records.at(-1);
  if (newest === undefined) return undefined;
  const first = records.find(({ author }) => author.role === "user") ?? newest;
  return { conversation_id: conversation, title: titleOf(first.message), updated_at: newest.ts };
}

import { limits, subjects, type ConversationId, type PostEvent, type TurnId } from "@parley/protocol";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { EventLog } from "./event-log.ts";
import type { PostRecords, StoredPost } from "./post-records.ts";

export interface PostTellingDeps {
  readonly events: EventLog;
  /** How long events are kept. */
  readonly eventWindowMs: number;
}

function numberOf({ post }: StoredPost): number {
  return post?.n ?? 0;
}

function seqIn(found: LastOne<PostEvent> | undefined, turn: TurnId | undefined): number | undefined {
  return found?.value?.turn_id === turn ? found?.seq : undefined;
}

/** Posts that are told again at most, where the events of all are lost. */
const mostTold = 256;

export type PostTelling = ReturnType<typeof createPostTelling>;

/** The events of posts, in the order of their numbers and each once: behind the one before it (compare-and-set). */
export function createPostTelling({ events, eventWindowMs }: PostTellingDeps, records: Pick<PostRecords, "walk">) {
  const last = async (subject: string): Promise<LastOne<PostEvent> | undefined> => {
    const found = await events.lastFromLeader(subject);
    return found && { seq: found.seq, value: found.event.type === "post" ? found.event : undefined };
  };
  const subjectOf = (conversation: ConversationId): string =>
    subjects.postEvent(events.shardOf(conversation), conversation);

  /** What was never told up to this record, oldest first. What is older than events are kept was told, or nobody is there who would miss it. */
  const untold = async (newest: StoredPost, toldN: number): Promise<PostEvent[]> => {
    const posts: PostEvent[] = [];
    const walk = records.walk(newest.link.conversation_id);
    let stored: StoredPost | undefined = newest;
    while (stored?.post !== undefined && stored.post.n > toldN && posts.length < mostTold) {
      if (toldN === 0 && newest.storedMs - stored.storedMs > eventWindowMs) break;
      posts.unshift(stored.post);
      if (stored.post.n === toldN + 1) break;
      stored = await walk.before(stored, limits.recordsBack);
    }
    return posts;
  };

  /** Sequence of the event; undefined: a later one was told behind it. */
  const tellOne = async (subject: string, post: PostEvent): Promise<number | undefined> => {
    let known: number | undefined;
    const told = await appendBehind<PostEvent>({ append: events.append, last }, subject, (found) => {
      const n = found?.value?.n ?? 0;
      if (n === post.n) known = found?.seq;
      return n >= post.n ? undefined : post;
    });
    return told?.seq ?? known;
  };

  return {
    /** Tells all up to this record; returns the sequence of the event of `turn`, if that is the last one or was told now. */
    async tell(newest: StoredPost, turn?: TurnId): Promise<number | undefined> {
      const subject = subjectOf(newest.link.conversation_id);
      const found = await last(subject);
      const toldN = found?.value?.n ?? 0;
      if (toldN >= numberOf(newest)) return seqIn(found, turn);
      let seq: number | undefined;
      for (const post of await untold(newest, toldN)) {
        const told = await tellOne(subject, post);
        if (post.turn_id === turn) seq = told;
      }
      return seq;
    },
  };
}

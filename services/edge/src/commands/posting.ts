import type { AppendedPost, Bus, NewPost, PostSince, WrittenFact } from "@parley/bus";
import { withFiles, type ConversationId, type FactOf, type TurnId, type TurnRequest } from "@parley/protocol";
import type { Hub } from "../hub/hub.ts";
import { refuseOther } from "./submission.ts";
import { saidFactOf } from "./turn-request.ts";

export type PostingBus = Pick<Bus, "facts" | "posts" | "turns" | "transcripts" | "people">;

/** A message that was noted as a post, by whomever. */
export interface NotedPost {
  readonly fact: FactOf<"said">;
  readonly isRepeated: boolean;
  readonly since: PostSince;
}

export interface Posting {
  /** Notes the message as a post, unless it was noted already, as whatever. */
  note(request: TurnRequest, hub: Hub): Promise<{ readonly said: WrittenFact<"said">; readonly since: PostSince }>;
  /** Stores it and tells it, once. Throws what `allowed` rejects with where it is new, CONFLICT for an id that another text has, and what the bus throws. */
  store(request: TurnRequest, noted: NotedPost, allowed: Promise<unknown>): Promise<AppendedPost>;
}

/** Messages between people. Each line may be the last of this process: what is noted and was never stored is stored when the message comes again. */
export function createPosting(bus: PostingBus): Posting {
  const noted = new Set<ConversationId>();
  const noteFlag = async (conversation: ConversationId): Promise<void> => {
    if (noted.has(conversation)) return;
    await bus.people.note(conversation, "posts");
    noted.add(conversation);
    for (const oldest of noted) {
      if (noted.size <= mostNoted) break;
      noted.delete(oldest);
    }
  };

  return {
    async note(request, hub) {
      const { conversation_id } = request;
      // What is behind this place was stored after the message was noted, perhaps by another edge that got it too.
      const [seq, after] = await Promise.all([bus.posts.endOf(conversation_id), lastAccepted(bus, hub)]);
      const said = await bus.facts.write({ ...saidFactOf(request), post: true as const, after });
      return { said, since: said.won ? { seq } : { storedMs: said.storedMs } };
    },

    async store(request, { fact, isRepeated, since }, allowed) {
      if (isRepeated) refuseOther(request, fact);
      else await allowed;
      await noteFlag(request.conversation_id);
      return bus.posts.append(newPostOf(fact), since);
    },
  };
}

/** Conversations of which is remembered that it is known that they have posts. */
const mostNoted = 10_000;

/** What was noted as a post; undefined: it is a turn. */
export function notedPost(said: WrittenFact<"said">, since?: PostSince): NotedPost | undefined {
  const { fact } = said;
  if (fact.kind !== "said" || fact.post !== true) return undefined;
  if (said.won) return since && { fact, isRepeated: false, since };
  return { fact, isRepeated: true, since: { storedMs: said.storedMs } };
}

/** As it is appended. */
export function newPostOf(fact: FactOf<"said">): NewPost {
  const {
    conversation_id,
    turn_id,
    message_id,
    id,
    author,
    message,
    files,
    after = null,
    reply_to,
    mentions,
    ts,
  } = fact;
  return {
    ...{ conversation_id, turn_id, message_id, id, author, message, ...withFiles(files), after, ts },
    ...(reply_to === undefined ? {} : { reply_to }),
    ...(mentions === undefined ? {} : { mentions }),
  };
}

/** The turn that was accepted last, as far as this edge knows: seen in its hub, else the last of the queue, else the newest that has a record. */
async function lastAccepted({ turns, transcripts }: PostingBus, hub: Hub): Promise<TurnId | null> {
  const seen = hub.ring.events.findLast(({ type, turn }) => type === "message" && turn !== "");
  if (seen !== undefined) return seen.turn;
  // In this order: what leaves the queue in between has a record by then.
  const queued = await turns.waiting(hub.conversation);
  const last = queued.at(-1)?.request.turn_id;
  return last ?? (await transcripts.newest(hub.conversation))?.turn_id ?? null;
}

import type { FoundMessage } from "./direct-get.ts";
import {
  OwnerRecord,
  PeopleRecord,
  messagesOf,
  parseStored,
  readTurnRecord,
  streams,
  subjects,
  turnOfRecord,
  type CallId,
  type ConversationId,
  type TranscriptMessage,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { z } from "zod";
import { createConversationAges } from "./conversation-ages.ts";
import { erasedAt } from "./erased-records.ts";
import type { EventLog } from "./event-log.ts";
import type { Facts } from "./facts.ts";
import type { Files } from "./files.ts";
import type { FeedbackLog } from "./feedback.ts";
import type { Handovers } from "./handovers.ts";
import type { MessageChangeLog } from "./message-changes.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { outlineOfPosts } from "./post-outline.ts";
import type { Posts } from "./posts.ts";
import type { PeopleLog } from "./people.ts";
import type { ReadMarks } from "./read-marks.ts";
import type { Summaries } from "./summaries.ts";
import type { Titles } from "./titles.ts";
import type { Unreadable } from "./unreadable.ts";

export interface StoredConversationsDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly facts: Pick<Facts, "purge">;
  readonly files: Pick<Files, "bury" | "shred">;
  readonly titles: Pick<Titles, "bury">;
  readonly feedback: Pick<FeedbackLog, "bury">;
  readonly summaries: Pick<Summaries, "bury">;
  readonly handovers: Pick<Handovers, "bury">;
  readonly changes: Pick<MessageChangeLog, "bury">;
  readonly posts: Pick<Posts, "bury">;
  readonly people: Pick<PeopleLog, "bury">;
  readonly readMarks: Pick<ReadMarks, "bury">;
  /** See `Sealing`. */
  readonly shred: (conversation: ConversationId) => Promise<void>;
  readonly shards: number;
  readonly unreadable: Unreadable;
  readonly log: Logger;
}

/** How far the streams of a conversation went at some time. */
export interface ConversationEnd {
  readonly events: number;
  readonly log: number;
  readonly facts: number;
}

/** `lastSeq`: of the last event that may have been of it; 0: not known. */
export type DeletionListener = (conversation: ConversationId, lastSeq: number) => void;

/** Copies of deleted events may come after it. */
const Announcement = z.object({ events: z.number().int().nonnegative() });
type Announcement = z.infer<typeof Announcement>;

/** What a list says of a conversation. */
export interface ConversationOutline {
  /** Of its first message, by whomever; undefined: it cannot be read. */
  readonly first: string | undefined;
  /** Of its newest record, ms since 1970. */
  readonly updatedMs: number;
}

export type StoredConversations = ReturnType<typeof createStoredConversations>;

/** Parts of a stream that are looked through side by side. One look-up waits for the broker, which takes 0.1 ms. */
const scanners = 16;

/** Whole conversations, as they are stored. */
export function createStoredConversations(deps: StoredConversationsDeps) {
  const { jsm, events, shards } = deps;

  return {
    ...createDeletionParts(deps),
    ...createListing(deps),
    ...createConversationAges(deps),

    /** Whether there has been no conversation yet. */
    async isEmpty(): Promise<boolean> {
      for (let shard = 0; shard < shards; shard++) {
        if ((await jsm.streams.info(streams.log(shard))).state.last_seq > 0) return false;
      }
      return true;
    },

    /** Whether the record at this place of the log is one of the conversation's: for places that somebody else named. */
    async hasRecord(conversation: ConversationId, seq: number): Promise<boolean> {
      const shard = events.shardOf(conversation);
      const message = await jsm.lookUp(streams.log(shard), { seq });
      if (message === null) return (await erasedAt(deps, conversation, seq)) !== undefined;
      return message.subject === subjects.log(shard, conversation);
    },
  };
}

/** What lists are made of. */
function createListing(deps: StoredConversationsDeps) {
  const { jsm, events, shards } = deps;
  return {
    /** Undefined: nothing of it is in the log. */
    async outlineOf(conversation: ConversationId): Promise<ConversationOutline | undefined> {
      const shard = events.shardOf(conversation);
      const [stream, subject] = [streams.log(shard), subjects.log(shard, conversation)];
      const newest = await jsm.lookUp(stream, { last_by_subj: subject });
      if (newest === null) return outlineOfPosts(deps, conversation);
      const oldest = await jsm.lookUp(stream, { seq: 1, next_by_subj: subject });
      const updatedMs = messagesIn(newest).at(-1)?.ts ?? newest.time.getTime();
      return { first: oldest === null ? undefined : messagesIn(oldest)[0]?.message, updatedMs };
    },

    /** The first message of a conversation, as it was written; undefined: nothing of it is in the log, or it cannot be read. */
    async firstOf(conversation: ConversationId): Promise<TranscriptMessage | undefined> {
      const shard = events.shardOf(conversation);
      const query = { seq: 1, next_by_subj: subjects.log(shard, conversation) };
      const oldest = await jsm.lookUp(streams.log(shard), query);
      return oldest === null ? undefined : messagesIn(oldest)[0];
    },

    /** When the newest record of a conversation was written; undefined: there is none. */
    async updatedAt(conversation: ConversationId): Promise<number | undefined> {
      const shard = events.shardOf(conversation);
      const newest = await jsm.lookUp(streams.log(shard), { last_by_subj: subjects.log(shard, conversation) });
      if (newest === null) return (await outlineOfPosts(deps, conversation))?.updatedMs;
      return messagesIn(newest).at(-1)?.ts ?? newest.time.getTime();
    },

    /**
     * The conversations of some users, those that they began and those in which they have a part, by looking at the records of owners and people of all, one at a time: nothing is kept
     * but what is theirs. Of some they may have no part any more. Throws when the broker does not answer, or `signal` is aborted.
     */
    async ownedBy(users: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlyMap<string, ConversationId[]>> {
      const found = new Map([...users].map((user): [string, Set<ConversationId>] => [user, new Set()]));
      const take = (conversation: ConversationId, user: string): void => void found.get(user)?.add(conversation);
      for (let shard = 0; shard < shards; shard++) {
        const { first_seq, last_seq } = (await jsm.streams.info(streams.log(shard))).state;
        const size = Math.ceil((last_seq - first_seq + 1) / scanners);
        const scan = (nth: number): Promise<void> => {
          const from = first_seq + nth * size;
          return scanOwners(deps, { shard, from, to: Math.min(last_seq, from + size - 1), signal }, take);
        };
        await Promise.all(Array.from({ length: scanners }, (_, nth) => scan(nth)));
        await scanPeople(deps, { shard, from: first_seq, to: last_seq, signal }, take);
      }
      return new Map([...found].map(([user, conversations]) => [user, [...conversations]]));
    },
  };
}

function createDeletionParts(deps: StoredConversationsDeps) {
  const { link, jsm, events, facts, log } = deps;
  return {
    async endOf(conversation: ConversationId): Promise<ConversationEnd> {
      const shard = events.shardOf(conversation);
      const [{ lastSeq }, log, facts] = await Promise.all([
        events.state(shard),
        jsm.streams.info(streams.log(shard)),
        jsm.streams.info(streams.facts(shard)),
      ]);
      return { events: lastSeq, log: log.state.last_seq, facts: facts.state.last_seq };
    },

    /** The tool calls of the conversation that have a result among the events that are kept. */
    async callsOf(conversation: ConversationId): Promise<CallId[]> {
      const shard = events.shardOf(conversation);
      const filter = subjects.toolResult(shard, conversation, "*", "*");
      const results = await jsm.streams.subjects(streams.events(shard), filter);
      return results.map((subject) => subject.split(".").at(-1) ?? "");
    },

    /**
     * Removes facts, events, transcript, titles, feedback, hand-overs, summaries and posts up to `end` (default: all): what came later may be of a turn that was accepted since. Whose the
     * conversation was stays recorded: its id must never become somebody else's while edges remember the owner. Can be repeated; throws when
     * the broker does not answer.
     */
    async purge(conversation: ConversationId, end?: ConversationEnd): Promise<void> {
      const shard = events.shardOf(conversation);
      // A purge goes up to a sequence, that one not included.
      const upTo = (last: number | undefined) => (last === undefined ? {} : { seq: last + 1 });
      // Before all: whatever fails from here on, nothing of it can be read any more.
      await deps.shred(conversation);
      await deps.files.shred(conversation);
      // First: a message that comes again while this goes on is then a new one, not one that has vanished from queue and transcript.
      await facts.purge(conversation, end?.facts);
      const filter = subjects.eventsOf(shard, conversation);
      await jsm.streams.purge(streams.events(shard), { filter, ...upTo(end?.events) });
      await jsm.streams.purge(streams.log(shard), { filter: subjects.log(shard, conversation), ...upTo(end?.log) });
      await buryKept(deps, conversation, end);
      // Behind all: until then it says who may delete it once more, if this one fails.
      await deps.people.bury(conversation);
    },

    /**
     * Calls back with each conversation that is deleted anywhere, from now on, and up to which event it was; what was missed without a connection
     * does not come.
     */
    onDeleted(listener: DeletionListener): () => void {
      const subscription = link.nc.subscribe(subjects.allDeleted, {
        callback: (error, message) => {
          try {
            if (error !== null) throw error;
            // Older edges say nothing more.
            const { events = 0 } = Announcement.safeParse(parseStored(message.data)).data ?? {};
            listener(message.subject.split(".").at(-1) ?? "", events);
          } catch (err) {
            // Thrown any further, it would stop the connection's read loop for good.
            log.error({ err }, "a deletion could not be followed");
          }
        },
      });
      return () => subscription.unsubscribe();
    },

    /** Tells all edges. Resolves when the broker has it. */
    async announceDeletion(conversation: ConversationId, end: Pick<ConversationEnd, "events">): Promise<void> {
      const announcement: Announcement = { events: end.events };
      link.nc.publish(subjects.deleted(events.shardOf(conversation), conversation), JSON.stringify(announcement));
      await link.nc.flush();
    },
  };
}

async function buryKept(
  deps: StoredConversationsDeps,
  conversation: ConversationId,
  end: ConversationEnd | undefined,
): Promise<void> {
  // Before titles: what has posts may be given one.
  await deps.posts.bury(conversation);
  // Last: who gives it a title meanwhile, says something of an answer or summarises it looks first whether there is anything left.
  const kept = [deps.titles, deps.feedback, deps.handovers, deps.summaries, deps.readMarks];
  await Promise.all(kept.map(({ bury }) => bury(conversation)));
  await deps.changes.bury(conversation, end?.log);
  const shard = deps.events.shardOf(conversation);
  await deps.jsm.streams.purge(streams.log(shard), { filter: subjects.erased(shard, conversation, "*") });
  await deps.files.bury(conversation);
}

/** One that a newer version wrote is not a reason to lose the conversation. */
function messagesIn({ data, seq }: FoundMessage): TranscriptMessage[] {
  const record = readTurnRecord(parseStored(data));
  return record === undefined ? [] : messagesOf([turnOfRecord(record, seq)]);
}

interface OwnerRange {
  readonly shard: number;
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal;
}

async function scanOwners(
  { jsm, unreadable }: StoredConversationsDeps,
  { shard, from, to, signal }: OwnerRange,
  onOwner: (conversation: ConversationId, user: string) => void,
): Promise<void> {
  for (let seq = from; seq <= to;) {
    signal.throwIfAborted();
    const message = await jsm.lookUp(streams.log(shard), { seq, next_by_subj: subjects.allOwners(shard) });
    if (message === null || message.seq > to) return;
    seq = message.seq + 1;
    const { data: owner } = OwnerRecord.safeParse(parseStored(message.data));
    if (owner === undefined) unreadable.note("owner", message);
    else onOwner(message.subject.split(".").at(-1) ?? "", owner.user_id);
  }
}

/** Whoever has a part in a conversation: one record for each that has people, so these are few. */
async function scanPeople(
  { jsm, unreadable }: StoredConversationsDeps,
  { shard, from, to, signal }: OwnerRange,
  onMember: (conversation: ConversationId, user: string) => void,
): Promise<void> {
  for (let seq = from; seq <= to;) {
    signal.throwIfAborted();
    const message = await jsm.lookUp(streams.log(shard), { seq, next_by_subj: subjects.allPeople(shard) });
    if (message === null || message.seq > to) return;
    seq = message.seq + 1;
    const { data: record } = PeopleRecord.safeParse(parseStored(message.data));
    if (record === undefined) unreadable.note("record", message);
    const { people } = record ?? {};
    if (people === undefined) continue;
    const conversation = message.subject.split(".").at(-1) ?? "";
    for (const { id } of [people.owner, ...people.members]) onMember(conversation, id);
  }
}

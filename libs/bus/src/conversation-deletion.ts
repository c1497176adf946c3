import { parseStored, streams, subjects, type CallId, type ConversationId } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { z } from "zod";
import type { EventLog } from "./event-log.ts";
import type { Facts } from "./facts.ts";
import type { FeedbackLog } from "./feedback.ts";
import type { Files } from "./files.ts";
import type { Handovers } from "./handovers.ts";
import type { MessageChangeLog } from "./message-changes.ts";
import type { BrokerLink } from "./nats-connection.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { PeopleLog } from "./people.ts";
import type { Posts } from "./posts.ts";
import type { ReadMarks } from "./read-marks.ts";
import type { Summaries } from "./summaries.ts";
import type { Titles } from "./titles.ts";

export interface ConversationDeletionDeps {
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

/** What goes with a conversation, and who is told. */
export function createConversationDeletion(deps: ConversationDeletionDeps) {
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
      await shredKeys(deps, conversation);
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

/** Before all: whatever fails behind it, nothing of the conversation can be read any more. */
async function shredKeys(deps: ConversationDeletionDeps, conversation: ConversationId): Promise<void> {
  await deps.shred(conversation);
  await deps.files.shred(conversation);
}

async function buryKept(
  deps: ConversationDeletionDeps,
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

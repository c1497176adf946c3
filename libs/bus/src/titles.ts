import {
  ChatError,
  PostRecord,
  TitleRecord,
  limits,
  parseStored,
  streams,
  subjects,
  titleLine,
  type Author,
  type ConversationId,
  type TitleEvent,
} from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { EventLog } from "./event-log.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import type { Unreadable } from "./unreadable.ts";

export interface TitleDeps {
  readonly jsm: PatientLookups;
  readonly events: EventLog;
  readonly unreadable: Unreadable;
  /** How long events are kept. */
  readonly eventWindowMs: number;
  readonly log: Logger;
}

export interface NewTitle {
  readonly title: string;
  readonly by?: Author;
}

/** How the titles of a conversation stood when somebody looked. */
export interface TitlePlace {
  /** Sequence of the last record; 0: there is none. */
  readonly seq: number;
  readonly title: string | undefined;
}

export interface GiveOptions {
  /** Only if nothing was decided since: no other title was given, and the conversation was not deleted. */
  readonly onlyAfter?: TitlePlace;
}

/** Whoever has stored a title has told it by then; clocks may differ by less. */
const tellingMs = 2_000;

export type Titles = ReturnType<typeof createTitles>;

/**
 * Titles of conversations. The record comes first, on a subject of its own in `LOG`: the last one counts. Then the event, for who looks on. Both are
 * appended behind the one before (compare-and-set), so that events come in the order of the records.
 */
export function createTitles(deps: TitleDeps) {
  const { jsm, events } = deps;
  const { shardOf } = events;
  const record = createRecords(deps);
  const dropEarlier = async (conversation: ConversationId): Promise<void> => {
    const shard = shardOf(conversation);
    await jsm.streams.purge(streams.log(shard), { filter: subjects.title(shard, conversation), keep: 1 });
  };

  return {
    /** The title that counts; undefined: there is none. */
    async of(conversation: ConversationId): Promise<string | undefined> {
      const shard = shardOf(conversation);
      const query = { last_by_subj: subjects.title(shard, conversation) };
      return record.read(await jsm.lookUp(streams.log(shard), query))?.value?.title;
    },

    /**
     * The same, for who shows the conversation to somebody: a title whose event was never written, because its process died in between, is told now to
     * all who look on.
     */
    shown: (conversation: ConversationId): Promise<string | undefined> => shown(deps, record, conversation),

    /** The same, with its place, by the word of the stream's leader. */
    async placeOf(conversation: ConversationId): Promise<TitlePlace> {
      const last = await record.last(subjects.title(shardOf(conversation), conversation));
      return { seq: last?.seq ?? 0, title: last?.value?.title };
    },

    /**
     * Gives the conversation a title and tells its viewers. Returns the title as it is kept; undefined, only with `onlyAfter`: something came between.
     * Throws NOT_FOUND where nothing was said, and OVERLOADED when the broker has not answered for 15 s.
     */
    async give(
      conversation: ConversationId,
      { title, by }: NewTitle,
      { onlyAfter }: GiveOptions = {},
    ): Promise<string | undefined> {
      const subject = subjects.title(shardOf(conversation), conversation);
      // As the schema counts them: code points. Half of what was accepted would be cut otherwise.
      const line = Array.from(titleLine(title)).slice(0, limits.titleChars).join("");
      let given: TitleRecord | undefined;
      await appendBehind<TitleRecord>(record, subject, async (last, tried) => {
        if (tried !== undefined && isSame(last?.value, tried)) return void (given = tried);
        if (onlyAfter !== undefined && (last?.seq ?? 0) !== onlyAfter.seq) return undefined;
        // After the look at the last record: a deletion that comes between buries all titles, and then this one is refused.
        if (!(await exists(deps, conversation))) throw notFound();
        const common = { v: 1, kind: "title", conversation_id: conversation, n: numberAfter(last) } as const;
        return { ...common, title: line, ...(by === undefined ? {} : { by }), ts: Date.now() };
      }).then((appended) => (given = appended?.value ?? given));
      if (given !== undefined) await tell(deps, given);
      // Else one conversation, renamed again and again, would fill the log, which is kept. Only who may give any title may do that.
      if (onlyAfter === undefined && (given?.n ?? 1) > 1) await dropEarlier(conversation).catch(() => {});
      return given?.title;
    },

    /**
     * The conversation was deleted: its titles go, and none that was on its way is stored behind this. To be called when all else is gone. What stays,
     * without any words, is the number of the last one.
     */
    async bury(conversation: ConversationId): Promise<void> {
      const subject = subjects.title(shardOf(conversation), conversation);
      const ts = Date.now();
      await appendBehind<TitleRecord>({ ...record, isPlain: true }, subject, (last, tried) => {
        if (tried !== undefined && isSame(last?.value, tried)) return undefined;
        return { v: 1, kind: "title", conversation_id: conversation, n: numberAfter(last), ts };
      });
      await dropEarlier(conversation);
    },
  };
}

async function shown(
  deps: TitleDeps,
  { read }: Pick<ReturnType<typeof createRecords>, "read">,
  conversation: ConversationId,
): Promise<string | undefined> {
  const { jsm, events, eventWindowMs, log } = deps;
  const shard = events.shardOf(conversation);
  const message = await jsm.lookUp(streams.log(shard), { last_by_subj: subjects.title(shard, conversation) });
  const kept = read(message)?.value;
  const ageMs = Date.now() - (message?.time.getTime() ?? 0);
  if (kept?.title !== undefined && ageMs > tellingMs && ageMs < eventWindowMs)
    tell(deps, kept).catch((err: unknown) => log.debug({ err, conversation }, "a title could not be told again"));
  return kept?.title;
}

function createRecords({ jsm, events, unreadable }: Omit<TitleDeps, "log" | "eventWindowMs">) {
  const read = (message: FoundMessage | null): LastOne<TitleRecord> | undefined => {
    if (message === null) return undefined;
    const value = TitleRecord.safeParse(parseStored(message.data)).data;
    if (value === undefined) unreadable.note("record", message);
    return { seq: message.seq, value };
  };
  return {
    read,
    append: events.append,
    last: async (subject: string): Promise<LastOne<TitleRecord> | undefined> => {
      const shard = Number(subject.split(".", 3)[2]);
      return read(await jsm.streams.getMessage(streams.log(shard), { last_by_subj: subject }));
    },
  };
}

/** Behind one that cannot be read, its sequence is as good: it is higher than any number. */
function numberAfter(last: LastOne<TitleRecord> | undefined): number {
  return last === undefined ? 1 : (last.value?.n ?? last.seq) + 1;
}

function isSame(found: TitleRecord | undefined, own: TitleRecord): boolean {
  return found !== undefined && found.n === own.n && found.title === own.title && found.ts === own.ts;
}

/** By the word of the leaders. A turn is in the queue until its record is stored. Where there are posts alone, these count. */
async function exists(
  { jsm, events }: Pick<TitleDeps, "jsm" | "events">,
  conversation: ConversationId,
): Promise<boolean> {
  const shard = events.shardOf(conversation);
  const next = { seq: 1, next_by_subj: subjects.turns(conversation) };
  if ((await jsm.streams.getMessage(streams.turns, next)) !== null) return true;
  const lastOf = (subject: string) => jsm.streams.getMessage(streams.log(shard), { last_by_subj: subject });
  if ((await lastOf(subjects.log(shard, conversation))) !== null) return true;
  const post = await lastOf(subjects.post(shard, conversation));
  return post !== null && PostRecord.safeParse(parseStored(post.data)).data?.post !== undefined;
}

function notFound(): ChatError {
  return new ChatError("NOT_FOUND", { message: "There is no such conversation." });
}

/** Once, and never behind a later one: whoever wrote that has told more. */
async function tell(
  { events }: Pick<TitleDeps, "events">,
  { conversation_id, n, title = "", by, ts }: TitleRecord,
): Promise<void> {
  const event: TitleEvent = { type: "title", conversation_id, n, title, ...(by === undefined ? {} : { by }), ts };
  const last = async (subject: string): Promise<LastOne<TitleEvent> | undefined> => {
    const found = await events.lastFromLeader(subject);
    return found && { seq: found.seq, value: found.event.type === "title" ? found.event : undefined };
  };
  const subject = subjects.titleEvent(events.shardOf(conversation_id), conversation_id);
  await appendBehind<TitleEvent>({ append: events.append, last }, subject, (found) =>
    (found?.value?.n ?? 0) >= n ? undefined : event,
  );
}

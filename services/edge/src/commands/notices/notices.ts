import { createNoticeQueue, type Bus, type NoticeQueue } from "@parley/bus";
import { limits, turnOfAnswer, type FactOf, type Notice, type People } from "@parley/protocol";
import { sleep, type Logger, type Registry } from "@parley/runtime";
import type { Redis } from "../conversations/conversation-index.ts";
import { createFairFinding } from "../changes/found-message.ts";
import type { Ownership } from "../ownership.ts";
import type { ReadingDeps } from "../reading.ts";
import { lookBeforeMs } from "./notice-times.ts";
import { beginningOf } from "./message-beginning.ts";
import { createNoticeFigures, type NoticeFigures } from "./notice-figures.ts";
import { createWants } from "./wants.ts";

/**
 * What people who are away are told of messages that address them (docs/notices.md): a job for each of them, at once, which is due a while later. Shortly before, this edge
 * looks whether they are there, or have read it, and takes it back; killed in between, somebody who is there is told all the same. Tool workers, which send it, need no right
 * to look at anything for that.
 */

export interface NoticeOptions {
  readonly bus: Pick<Bus, "changes" | "readMarks" | "texts" | "titles" | "noticeRecords"> &
    Parameters<typeof createFairFinding>[0];
  readonly redis?: Redis | undefined;
  readonly noticeDelayMs?: number | undefined;
  /** Notices have the beginning of the message. */
  readonly noticeText?: boolean | undefined;
  readonly registry: Registry;
  readonly log: Logger;
}

export interface NoticeRoom {
  readonly ownership: Pick<Ownership, "people">;
  readonly signals: Pick<ReadingDeps["signals"], "presence">;
}

/** Messages that come again make no new notice for as long as the queue remembers the first: longer than this. */
const repeatedMs = 3_600_000;
/** Messages whose notices wait for the look at one edge; beyond that they go out without it. */
const mostWaiting = 5_000;

type Said = FactOf<"said">;

/** Undefined: nobody is told anything, and nothing is done for it. */
export function openNotices(options: NoticeOptions, room: NoticeRoom) {
  const { redis, noticeDelayMs: delayMs, registry, log } = options;
  if (redis === undefined || delayMs === undefined) return undefined;
  const queue = createNoticeQueue({ redis, texts: options.bus.texts, log });
  return createNotices({ ...options, ...room, queue, delayMs, figures: createNoticeFigures(registry) });
}

interface NoticesDeps extends NoticeOptions, NoticeRoom {
  readonly queue: NoticeQueue;
  readonly delayMs: number;
  readonly figures: NoticeFigures;
}

function createNotices(deps: NoticesDeps) {
  const closing = new AbortController();
  const recipientsOf = createRecipients(deps);
  const lookAgain = createLook(deps);
  let waiting = 0;

  const make = async (said: Said): Promise<void> => {
    const notices = await recipientsOf(said);
    const added = (await Promise.all(notices.map((notice) => add(deps, notice)))).flat();
    if (added.length === 0 || waiting >= mostWaiting) return;
    waiting++;
    try {
      await sleep(deps.delayMs - lookBeforeMs, closing.signal);
      if (!closing.signal.aborted) await lookAgain(said, added);
    } finally {
      waiting--;
    }
  };

  return {
    /** Of each message that was accepted, also of one that came before. Waits for nothing. */
    said(said: Said): void {
      if (Date.now() - said.ts > repeatedMs) return;
      make(said).catch((err: unknown) =>
        deps.log.debug({ err, conversation: said.conversation_id }, "a notice is not as it should be"),
      );
    },
    close: (): void => closing.abort(),
  };
}

/** Redis away: the notice is lost, the message is not. */
async function add({ queue, delayMs, figures, log }: NoticesDeps, notice: Notice): Promise<Notice[]> {
  try {
    await queue.add({ notice }, delayMs);
    figures.count(notice.type, "made");
    return [notice];
  } catch (err) {
    log.debug({ err, conversation: notice.conversation_id }, "a notice was lost");
    figures.count(notice.type, "lost");
    return [];
  }
}

/** Whom a message addresses: members whom it mentions, and whoever wrote what it replies to. In rooms that are not too large also who wants to be told of all. */
function createRecipients({ ownership, bus, noticeText: hasText = false, log }: NoticesDeps) {
  const wants = createWants({ bus, log });
  const findFor = createFairFinding(bus);
  const repliedTo = async ({ conversation_id, reply_to, author }: Said): Promise<string | undefined> => {
    if (reply_to === undefined || author.id === undefined || turnOfAnswer(reply_to) !== undefined) return undefined;
    const found = await findFor({ user: { id: author.id } })(conversation_id, reply_to).catch(() => undefined);
    return found?.author.role === "user" ? found.author.id : undefined;
  };
  return async (said: Said): Promise<Notice[]> => {
    const { conversation_id, message_id, author, mentions = [], ts: at } = said;
    const people = await ownership.people(conversation_id);
    if (people === undefined || people.members.length === 0) return [];
    const types = new Map<string, Notice["type"]>();
    const replied = await repliedTo(said);
    if (replied !== undefined) types.set(replied, "reply");
    for (const id of mentions) types.set(id, "mention");
    const isTold = (id: string): boolean => id !== author.id && isMember(people, id);
    const addressed = [...types].filter(([id]) => isTold(id));
    const others = peopleOf(people).filter((id) => isTold(id) && !types.has(id));
    const users = [...addressed, ...(await wants.all(others)).map((id) => [id, "message"] as const)];
    if (users.length === 0) return [];
    const title = await bus.titles.of(conversation_id).catch(() => undefined);
    const { tenant } = people;
    const beside = { ...(tenant === undefined ? {} : { tenant }), ...(title === undefined ? {} : { title }) };
    const text = hasText ? { text: beginningOf(said.message) } : {};
    const told = { conversation_id, message_id, ...beside, ...byOf(author), ...text, at };
    return users.map(([user_id, type]) => ({ type, user_id, ...told }));
  };
}

/** Takes back what need not be sent. What cannot be found out is sent. */
function createLook({ ownership, signals, bus, queue, figures }: NoticesDeps) {
  const isDeleted = async ({ conversation_id, message_id }: Said, people: People): Promise<boolean> => {
    if (people.has.changes !== true) return false;
    const changes = await bus.changes.read(conversation_id, [message_id]);
    return changes.get(message_id)?.deleted_at !== undefined;
  };
  /** A mark that moved since says that they were there since: it never goes back. */
  const hasRead = async ({ conversation_id, message_id, ts }: Said, user: string): Promise<boolean> => {
    const mark = (await bus.readMarks.of(conversation_id, user))?.mark;
    return mark !== undefined && (mark.message_id === message_id || mark.ts > ts);
  };
  return async (said: Said, notices: readonly Notice[]): Promise<void> => {
    const { conversation_id } = said;
    const people = await ownership.people(conversation_id);
    const isGone = people === undefined || (await isDeleted(said, people));
    const present = isGone ? undefined : await signals.presence(conversation_id, people);
    const there = new Set(present?.users.map(({ id }) => id));
    const why = async ({ user_id }: Notice): Promise<"removed" | "present" | "read" | undefined> => {
      if (isGone || !isMember(people, user_id)) return "removed";
      if (there.has(user_id)) return "present";
      return (await hasRead(said, user_id)) ? "read" : undefined;
    };
    await Promise.all(
      notices.map(async (notice) => {
        const reason = await why(notice);
        if (reason !== undefined && (await queue.drop(notice))) figures.count(notice.type, reason);
      }),
    );
  };
}

function byOf({ id, name }: Said["author"]): Pick<Notice, "by"> {
  return id === undefined ? {} : { by: { id, ...(name === undefined ? {} : { name }) } };
}

/** None of a room that is too large for that. */
function peopleOf({ owner, members }: People): string[] {
  const ids = new Set([owner.id, ...members.map(({ id }) => id)]);
  return ids.size > limits.noticeRoomMembers ? [] : [...ids];
}

function isMember({ owner, members }: People, userId: string): boolean {
  return owner.id === userId || members.some(({ id }) => id === userId);
}

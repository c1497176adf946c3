import type { Bus, ReadPlace } from "@parley/bus";
import { limits, type ConversationId, type People, type Person, type ReadMark } from "@parley/protocol";
import type { Logger } from "@parley/runtime";

export interface ReadingDeps {
  readonly readMarks: Pick<Bus["readMarks"], "end" | "placeOf" | "move">;
  readonly people: Pick<Bus["people"], "note">;
  /** Whoever looks on is to be told. */
  readonly onMoved: (conversation: ConversationId, mark: ReadMark) => void;
  readonly log: Logger;
}

export interface ReadWish {
  readonly conversation: ConversationId;
  readonly people: People;
  readonly user: Person;
  /** Undefined: the last message there is. */
  readonly messageId: string | undefined;
}

interface Reader {
  wish: ReadWish;
  /** What was said since the last write; "": the last message there is. */
  readonly messages: Set<string>;
  timer: NodeJS.Timeout | undefined;
  writtenMs: number;
  /** Writes that failed, one after the other. */
  failures: number;
}

/** Said within `readEveryMs` by the devices of one user; only the one that is furthest counts. */
const mostMessages = 4;
/** Readers who wait to be written; the oldest are forgotten, and say it again with the next message. */
const mostReaders = 10_000;
/** So many tries outlast a broker that is away for a moment. */
const mostFailures = 15;

/** How far users have read, as they say it: written at most every `readEveryMs` for each user and conversation, the last one in any case; then told. */
export function createReading({ readMarks, people, onMoved, log }: ReadingDeps) {
  const readers = new Map<string, Reader>();
  const noted = new Set<ConversationId>();

  const furthest = async ({ wish, messages }: Reader): Promise<ReadPlace | undefined> => {
    const said = [...messages];
    messages.clear();
    const places = await Promise.all(
      said.map((id) => (id === "" ? readMarks.end(wish.conversation) : readMarks.placeOf(wish.conversation, id))),
    );
    return places.reduce((best, place) => (isBehind(best, place) ? place : best), undefined);
  };
  const move = async (reader: Reader): Promise<void> => {
    const { conversation, user, people: known } = reader.wish;
    const place = await furthest(reader);
    if (place === undefined) return;
    if (known.has.marks !== true && !noted.has(conversation)) {
      await people.note(conversation, "marks");
      noted.add(conversation);
      const [oldest] = noted;
      if (noted.size > mostReaders && oldest !== undefined) noted.delete(oldest);
    }
    const mark = await readMarks.move(conversation, user, place);
    if (mark !== undefined) onMoved(conversation, mark);
  };
  const write = async (key: string, reader: Reader): Promise<void> => {
    clearTimeout(reader.timer);
    reader.timer = undefined;
    reader.writtenMs = performance.now();
    const said = [...reader.messages];
    try {
      await move(reader);
      reader.failures = 0;
    } catch (err) {
      log.debug({ err, conversation: reader.wish.conversation }, "how far somebody has read could not be kept yet");
      if (++reader.failures > mostFailures) return void readers.delete(key);
      for (const id of said) reader.messages.add(id);
      plan(key, reader);
    }
  };
  const plan = (key: string, reader: Reader): void => {
    const dueMs = Math.max(0, reader.writtenMs + limits.readEveryMs - performance.now());
    reader.timer ??= setTimeout(() => void write(key, reader), dueMs);
  };

  return {
    /** Waits for nothing. */
    read(wish: ReadWish): void {
      const key = `${wish.conversation} ${wish.user.id}`;
      const known = readers.get(key);
      const reader = known ?? { wish, messages: new Set(), timer: undefined, writtenMs: -Infinity, failures: 0 };
      readers.set(key, reader);
      reader.wish = wish;
      const id = wish.messageId ?? "";
      reader.messages.delete(id);
      reader.messages.add(id);
      const [first] = reader.messages;
      if (reader.messages.size > mostMessages && first !== undefined) reader.messages.delete(first);
      const [oldest] = readers;
      if (readers.size > mostReaders && oldest !== undefined) {
        clearTimeout(oldest[1].timer);
        readers.delete(oldest[0]);
      }
      plan(key, reader);
    },

    /** Once a second: lets go of those who have nothing to be written. */
    sweep(nowMs: number): void {
      for (const [key, { messages, timer, writtenMs }] of readers) {
        if (messages.size === 0 && timer === undefined && nowMs - writtenMs > 2 * limits.readEveryMs)
          readers.delete(key);
      }
    },

    /** Writes what waits, once; then no more. Never rejects. */
    async close(): Promise<void> {
      const waiting = [...readers].filter(([, { messages }]) => messages.size > 0);
      await Promise.all(waiting.map(([key, reader]) => write(key, reader)));
      for (const { timer } of readers.values()) clearTimeout(timer);
      readers.clear();
    },
  };
}

function isBehind(one: ReadPlace | undefined, other: ReadPlace | undefined): boolean {
  if (one === undefined || other === undefined) return one === undefined;
  if (one.turn !== other.turn || one.post !== other.post) return other.turn >= one.turn && other.post >= one.post;
  return other.isOpen === true;
}

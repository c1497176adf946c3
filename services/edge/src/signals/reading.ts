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
export function createReading(deps: ReadingDeps) {
  const readers = new Map<string, Reader>();
  const move = createMoving(deps);

  const write = async (key: string, reader: Reader): Promise<void> => {
    clearTimeout(reader.timer);
    reader.timer = undefined;
    reader.writtenMs = performance.now();
    const said = [...reader.messages];
    reader.messages.clear();
    try {
      await move(reader.wish, said);
      reader.failures = 0;
    } catch (err) {
      deps.log.debug({ err, conversation: reader.wish.conversation }, "how far somebody has read is not kept yet");
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
      note(reader, wish.messageId ?? "");
      dropOldest(readers);
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

/** The last ones that were said. */
function note({ messages }: Reader, id: string): void {
  messages.delete(id);
  messages.add(id);
  const [first] = messages;
  if (messages.size > mostMessages && first !== undefined) messages.delete(first);
}

function dropOldest(readers: Map<string, Reader>): void {
  const [oldest] = readers;
  if (readers.size <= mostReaders || oldest === undefined) return;
  clearTimeout(oldest[1].timer);
  readers.delete(oldest[0]);
}

/** Stores the furthest of what was said, and tells it. */
function createMoving({ readMarks, people, onMoved }: ReadingDeps) {
  /** Records of which the next one says that there are marks. */
  const noted = new WeakSet<People>();
  const noteMarks = async ({ conversation, people: known }: ReadWish): Promise<void> => {
    if (known.has.marks === true || noted.has(known)) return;
    await people.note(conversation, "marks");
    noted.add(known);
  };
  return async (wish: ReadWish, said: readonly string[]): Promise<void> => {
    const { conversation, user } = wish;
    const places = await Promise.all(
      said.map((id) => (id === "" ? readMarks.end(conversation) : readMarks.placeOf(conversation, id))),
    );
    let furthest: ReadPlace | undefined;
    for (const place of places) if (isBehind(furthest, place)) furthest = place;
    if (furthest === undefined) return;
    await noteMarks(wish);
    const mark = await readMarks.move(conversation, user, furthest);
    if (mark !== undefined) onMoved(conversation, mark);
  };
}

function isBehind(one: ReadPlace | undefined, other: ReadPlace | undefined): boolean {
  if (one === undefined || other === undefined) return one === undefined;
  if (one.turn !== other.turn || one.post !== other.post) return other.turn >= one.turn && other.post >= one.post;
  return other.isOpen === true;
}

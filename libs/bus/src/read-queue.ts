import type { ConversationId } from "@parley/protocol";
import type { Collection } from "./stream-reading.ts";

/** One reader that waits for the events of a conversation. */
export interface Read {
  readonly conversation: ConversationId;
  readonly fromSeq: number;
  /** Infinity: all there is now. */
  readonly toSeq: number;
}

export interface ReadQueueDeps {
  readonly readOne: (read: Read) => Promise<Collection>;
  /** The results are in the order of the reads. */
  readonly readTogether: (reads: readonly Read[]) => Promise<Collection[]>;
  /** Whether a reader that begins there costs next to nothing together with others, because most of it was read a moment ago. */
  readonly covers: (fromSeq: number) => boolean;
}

interface Waiting extends Read {
  readonly resolve: (collection: Collection) => void;
  readonly reject: (error: unknown) => void;
}

/** Reads scan the stream, so they are few at a time; the rest wait their turn. */
const concurrentReads = 4;
/** Fewer than these are not worth a scan of their own. */
const minTogether = 16;
/**
 * A filtered read of the last 50,000 messages costs the broker 18 ms, one of the last 4,096 it costs 5 ms; a scan of all of them costs the broker 3 µs a
 * message, and the reader twice that (nats-server 2.9.10). So a scan pays when each of its readers answers for no more messages than this.
 */
const messagesPerReader = 2_000;

/**
 * The readers of one stream. When many wait (an edge died, and its viewers came to this one), those that need the same recent part share
 * one scan of it: 2,500 readers took 27 s one by one.
 */
export function createReadQueue({ readOne, readTogether, covers }: ReadQueueDeps) {
  let waiting: Waiting[] = [];
  let running = 0;
  let isScanning = false;

  const start = async (reads: readonly Waiting[]): Promise<void> => {
    const [first] = reads;
    const isAlone = reads.length === 1 && first !== undefined && !covers(first.fromSeq);
    running++;
    isScanning ||= !isAlone;
    try {
      const results = isAlone ? [await readOne(first)] : await readTogether(reads);
      for (const [i, { resolve }] of reads.entries()) {
        const result = results[i];
        if (result !== undefined) resolve(result);
      }
    } catch (error) {
      for (const { reject } of reads) reject(error);
    } finally {
      running--;
      isScanning &&= isAlone;
      startMore();
    }
  };

  const startMore = (): void => {
    while (running < concurrentReads) {
      const next = nextOf(waiting, { covers, isScanning });
      if (next.size === 0) return;
      waiting = waiting.filter((read) => !next.has(read));
      void start([...next]);
    }
  };

  return (read: Read): Promise<Collection> =>
    new Promise((resolve, reject) => {
      waiting.push({ ...read, resolve, reject });
      startMore();
    });
}

interface Circumstances {
  readonly covers: (fromSeq: number) => boolean;
  readonly isScanning: boolean;
}

/**
 * Those that are cheaper together than one by one; else the one that has waited for the longest. Those who come during a scan wait for the next one if
 * they can share it: two at a time would read the same twice.
 */
function nextOf<R extends Read>(waiting: readonly R[], { covers, isScanning }: Circumstances): ReadonlySet<R> {
  const covered = waiting.filter(({ fromSeq }) => covers(fromSeq));
  const others = waiting.filter(({ fromSeq }) => !covers(fromSeq));
  const together = thoseForWhomItPays(others);
  if (!isScanning && covered.length + together.length > 0) return new Set([...covered, ...together]);
  return new Set(together.length > 0 ? [] : others.slice(0, 1));
}

function thoseForWhomItPays<R extends Read>(reads: readonly R[]): readonly R[] {
  const recentFirst = reads.toSorted((a, b) => b.fromSeq - a.fromSeq);
  const top = Math.max(...reads.map(({ fromSeq, toSeq }) => (toSeq === Infinity ? fromSeq : toSeq)));
  const pays = (read: R, i: number): boolean => top - read.fromSeq <= messagesPerReader * (i + 1);
  const together = recentFirst.slice(0, recentFirst.findLastIndex(pays) + 1);
  return together.length < minTogether ? [] : together;
}

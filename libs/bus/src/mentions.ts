import { streams } from "@parley/protocol";
import { wholeStream } from "./direct-get.ts";
import type { BrokerLink } from "./nats-connection.ts";
import { createOpenedLine } from "./opened-line.ts";
import type { Opening } from "./opening.ts";
import type { PatientLookups } from "./patient-lookups.ts";
import { addReadConsumer } from "./stream-consumer.ts";
import { readAll } from "./stream-reading.ts";

export interface MentionDeps {
  readonly link: BrokerLink;
  readonly jsm: PatientLookups;
  readonly shards: number;
  readonly opening: Pick<Opening, "inOrder">;
}

/** A stored message that names somebody. */
export interface Mention {
  readonly stream: string;
  readonly subject: string;
  readonly seq: number;
}

/**
 * Finds what is stored of a user, by their id as JSON writes it: what they wrote, decided, gave and own, whatever has become of their part in a conversation since. Each stream is read once, from its beginning; nothing
 * is decoded that does not name them. Rejects when the broker does not answer, or `signal` is aborted.
 */
export function createMentions({ link, jsm, shards, opening }: MentionDeps) {
  const inStream = async (stream: string, user: string, signal: AbortSignal): Promise<Mention[]> => {
    const last = await jsm.lookUp(stream, { last_by_subj: wholeStream });
    if (last === null) return [];
    const toSeq = last.seq;
    const needle = Buffer.from(JSON.stringify(user));
    const found: Mention[] = [];
    const consumer = await addReadConsumer(jsm, { stream, fromSeq: 1 });
    // What is sealed names nobody before it is opened.
    const line = createOpenedLine(opening);
    try {
      await readAll(link, consumer.pull, (message, seq) => {
        signal.throwIfAborted();
        if (seq > toSeq) return true;
        line.add(message, ({ subject, data }) => {
          const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
          if (bytes.includes(needle)) found.push({ stream, subject, seq });
        });
        return seq >= toSeq;
      });
      await line.settled();
    } finally {
      consumer.remove();
    }
    return found;
  };

  return {
    /** Among transcripts and what is kept with them, and among facts. */
    async inConversations(user: string, signal: AbortSignal): Promise<Mention[]> {
      const all: Mention[] = [];
      for (let shard = 0; shard < shards; shard++) {
        for (const stream of [streams.log(shard), streams.facts(shard)])
          all.push(...(await inStream(stream, user, signal)));
      }
      return all;
    },
    inStream,
  };
}

/** Of which conversation a subject of `LOG` or `FACT` is. */
export function conversationOf({ subject }: Pick<Mention, "subject">): string {
  return subject.split(".")[3] ?? "";
}

/** What kind of record stands there: `post`, `log`, `people`, `fact`, … */
export function kindOfMention({ subject }: Pick<Mention, "subject">): string {
  return subject.split(".")[1] ?? "";
}

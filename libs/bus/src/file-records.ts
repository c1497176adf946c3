import { isDeepStrictEqual } from "node:util";
import { JetStreamApiError } from "@nats-io/jetstream";
import {
  ChatError,
  FileId,
  FileRecord,
  encodeJson,
  parseStored,
  streams,
  subjects,
  type ConversationId,
  type FileLink,
} from "@parley/protocol";
import { createBackoff, sleep } from "@parley/runtime";
import type { z } from "zod";
import { appendBehind, type LastOne } from "./append-behind.ts";
import type { Append, AppendResult } from "./appender.ts";
import type { FoundMessage } from "./direct-get.ts";
import type { FileStreamDeps } from "./file-streams.ts";
import { once } from "./once.ts";

/** What a record becomes; its number is counted here. */
export type NextFile = Omit<FileRecord, "v" | "kind" | "n">;

/** A record where it stands in the stream: later ones were written later. */
export interface WalkedFile {
  readonly seq: number;
  /** When it was written, by the broker's clock. */
  readonly writtenMs: number;
  readonly record: FileRecord;
}

export type FileRecords = ReturnType<typeof createFileRecords>;

const linkMs = 15_000;
const noStream = 10_059;

/** The records of files, and which of them may be a conversation's. */
export function createFileRecords(deps: FileStreamDeps) {
  const { jsm, unreadable } = deps;
  const stored = createStored(deps);
  const { ready } = stored;
  const last = stored.lastOf(FileRecord);
  const read: ReadFile = (message) => {
    if (message === null) return undefined;
    const record = FileRecord.safeParse(parseStored(message.data)).data;
    if (record === undefined) unreadable.note("record", message);
    return record;
  };

  return {
    ready,
    stored,
    ...createLinks(deps, stored),
    ...createWalk(deps, ready, read),

    /** Undefined: there is none. Throws OVERLOADED where only a newer version could read it. */
    async read(file: FileId): Promise<FileRecord | undefined> {
      await ready();
      const found = await jsm.lookUp(streams.files, { last_by_subj: subjects.file(file) });
      const record = read(found);
      if (found !== null && record === undefined) throw newerRecord();
      return record;
    },

    /**
     * Stores what `next` makes of the record; undefined from it: it stays. Returns the one that counts then. Throws what `next` throws, and OVERLOADED when the broker has not answered
     * for 15 s.
     */
    async change(
      file: FileId,
      next: (record: FileRecord | undefined) => NextFile | undefined,
    ): Promise<FileRecord | undefined> {
      let counts: FileRecord | undefined;
      const append = (message: Append): Promise<AppendResult> => stored.append({ ...message, tenant: counts?.tenant });
      await appendBehind<FileRecord>({ append, last }, subjects.file(file), (found, tried) => {
        const standing = found?.value;
        // Written anew, what only that version knows would be lost.
        if (found !== undefined && standing === undefined) throw newerRecord();
        counts = standing;
        // Stored without an answer: as good as having been told.
        if (tried !== undefined && isDeepStrictEqual(standing, tried)) return undefined;
        const after = next(standing);
        if (after === undefined) return undefined;
        const numbered = { ...after, v: 1, kind: "file", n: (standing?.n ?? 0) + 1 };
        // As whoever reads it back has it, so that it can be known again.
        counts = FileRecord.parse(parseStored(encodeJson(numbered)));
        return counts;
      });
      return counts;
    },

    /** Nobody knows the file any more. */
    async drop(file: FileId): Promise<void> {
      await ready();
      await jsm.streams.purge(streams.files, { filter: subjects.file(file) });
    },
  };
}

type ReadFile = (message: FoundMessage | null) => FileRecord | undefined;

function createWalk({ jsm }: FileStreamDeps, ready: () => Promise<void>, read: ReadFile) {
  return {
    /** How often something was written; 0: nobody has ever brought a file here. Makes no stream. */
    async lastSeq(): Promise<number> {
      try {
        return (await jsm.streams.info(streams.files)).state.last_seq;
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === noStream) return 0;
        throw error;
      }
    },

    /** All records, one at a time, the one first that was written first; without those that only a newer version could read. */
    async *walk(signal?: AbortSignal): AsyncGenerator<WalkedFile> {
      await ready();
      for (let seq = 1; ;) {
        signal?.throwIfAborted();
        const found = await jsm.lookUp(streams.files, { seq, next_by_subj: subjects.filesBy("*") });
        if (found === null) return;
        seq = found.seq + 1;
        const [record, writtenMs] = [read(found), found.time.getTime()];
        if (record !== undefined) yield { seq: found.seq, writtenMs, record };
      }
    },
  };
}

function newerRecord(): ChatError {
  const message = "What is known of this file was written by a newer version. Try again when all servers are of that.";
  return new ChatError("OVERLOADED", { message });
}

export type StoredFiles = ReturnType<typeof createStored>;

/** What `appendBehind` writes and reads with, in the stream of records. */
function createStored({ jsm, append, setUpRecords, unreadable }: FileStreamDeps) {
  const ready = once(setUpRecords);
  return {
    ready,
    async append(message: Append): Promise<AppendResult> {
      await ready();
      const result = await append(message);
      if (result.kind === "absent") await setUpRecords().catch(() => {});
      return result;
    },

    /** The last one of a subject, by the word of the leader. */
    lastOf:
      <T>(schema: z.ZodType<T>) =>
      async (subject: string): Promise<LastOne<T> | undefined> => {
        await ready();
        const found = await jsm.streams.getMessage(streams.files, { last_by_subj: subject });
        if (found === null) return undefined;
        const value = schema.safeParse(parseStored(found.data)).data;
        if (value === undefined) unreadable.note("record", found);
        return { seq: found.seq, value };
      },
  };
}

function createLinks({ jsm }: FileStreamDeps, { ready, append }: StoredFiles) {
  return {
    /** Before the record says it: so whoever deletes the conversation finds the file. Throws OVERLOADED when the broker has not answered for 15 s. */
    async link(conversation: ConversationId, file: FileId): Promise<void> {
      const subject = subjects.fileLink(conversation, file);
      const link: FileLink = { v: 1, kind: "link", file_id: file, ts: Date.now() };
      const backoff = createBackoff({ minMs: 20, maxMs: 1_000 });
      const deadline = performance.now() + linkMs;
      while (performance.now() < deadline) {
        const result = await append({ subject, data: encodeJson(link) });
        if (result.kind === "stored") return;
        await sleep(backoff.nextMs());
      }
      throw new ChatError("OVERLOADED", { cause: new Error("a file could not be given to its conversation") });
    },

    /** Files that may be the conversation's. */
    async linked(conversation: ConversationId): Promise<FileId[]> {
      await ready();
      const found = await jsm.streams.subjects(streams.files, subjects.fileLink(conversation, "*"));
      return found.flatMap((subject) => FileId.safeParse(subject.split(".").at(-1)).data ?? []);
    },

    async unlink(conversation: ConversationId, file: FileId): Promise<void> {
      await ready();
      await jsm.streams.purge(streams.files, { filter: subjects.fileLink(conversation, file) });
    },
  };
}

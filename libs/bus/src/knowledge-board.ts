import { createHash } from "node:crypto";
import { ChatError, KnowledgeEntry, knowledgeLimits, redisKeys } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { Redis } from "ioredis";
import { z } from "zod";
import { announceEveryMs } from "./tool-catalogue.ts";

export interface AnnouncedDocument extends KnowledgeEntry {
  readonly text: string;
}

export interface KnowledgeDeps {
  /** In the role `cache`: it fails fast. */
  readonly redis: Redis;
  readonly log: Logger;
}

export type KnowledgeBoard = ReturnType<typeof createKnowledgeBoard>;

/** What three announcements in a row do not mention is gone. */
const staleAfterMs = 3 * announceEveryMs + 5_000;
/** Longer than that: whoever was told of a document finds its text. */
const textSeconds = 120;
/** What is so old is dropped by the next worker that begins: names of documents come and go with deployments. */
const forgottenAfterMs = 86_400_000;
const keptMs = 3_000;
/** Looked at in one list, whoever wrote it. */
const mostFields = 4 * knowledgeLimits.documents;

const Field = z.object({ announced: z.number(), entry: KnowledgeEntry });
type Field = z.infer<typeof Field>;

/**
 * The documents of the agents in Redis: a hash with one field for each, which agent workers write again and again (`announceEveryMs`), and each text once, under its
 * hash. Two versions of one document, as during a deployment, have a text each; the field says which was told last.
 */
export function createKnowledgeBoard({ redis, log }: KnowledgeDeps) {
  let known: { readonly entries: readonly KnowledgeEntry[]; readonly atMs: number } | undefined;
  let loading: Promise<readonly KnowledgeEntry[]> | undefined;
  let isSwept = false;

  const load = async (): Promise<readonly KnowledgeEntry[]> => {
    const [now, fields] = await Promise.all([nowOf(redis), redis.hgetall(redisKeys.knowledge)]);
    const entries = Object.values(fields)
      .slice(0, mostFields)
      .flatMap((text) => freshEntry(text, now))
      .toSorted((one, other) => (one.file < other.file ? -1 : 1))
      .slice(0, knowledgeLimits.documents);
    known = { entries, atMs: performance.now() };
    return entries;
  };

  return {
    /** By an agent worker. Texts that are there already are only kept for longer. Rejects while Redis is away or full. */
    async announce(documents: readonly AnnouncedDocument[]): Promise<void> {
      if (documents.length === 0) return;
      const now = await nowOf(redis);
      if (!isSwept) await sweep(redis, now);
      isSwept = true;
      for (const { hash, text } of documents) {
        const key = redisKeys.knowledgeText(hash);
        // One after the other: nobody waits, and all at once would be megabytes in the way of others.
        if ((await redis.expire(key, textSeconds)) === 0) await redis.set(key, text, "EX", textSeconds);
      }
      const fields = documents.map(({ text: _, ...entry }): [string, string] => {
        const field: Field = { announced: now, entry };
        return [entry.file, JSON.stringify(field)];
      });
      await redis.hset(redisKeys.knowledge, new Map(fields));
    },

    /** By file, as it was a few seconds ago. Throws OVERLOADED while Redis is away: that there is nothing would be wrong. */
    async list(): Promise<readonly KnowledgeEntry[]> {
      if (known !== undefined && performance.now() - known.atMs < keptMs) return known.entries;
      loading ??= load().finally(() => (loading = undefined));
      return loading.catch((cause: unknown) => {
        log.debug({ err: cause }, "the documents of the agents cannot be read");
        throw away(cause);
      });
    },

    /** Undefined: it is gone, or is not what was told of. Throws OVERLOADED while Redis is away. */
    async textOf({ hash, bytes }: KnowledgeEntry): Promise<string | undefined> {
      const read = redis.getrangeBuffer(redisKeys.knowledgeText(hash), 0, knowledgeLimits.documentBytes);
      const text = await read.catch((cause: unknown) => {
        throw away(cause);
      });
      return text.length === bytes && hashOf(text) === hash ? text.toString("utf8") : undefined;
    },
  };
}

function away(cause: unknown): ChatError {
  const message = "What the agents know cannot be read at the moment. Try again.";
  return new ChatError("OVERLOADED", { message, retryAfterMs: 2_000, cause });
}

function hashOf(text: Buffer): string {
  return createHash("sha256").update(text).digest("hex");
}

async function sweep(redis: Redis, now: number): Promise<void> {
  const fields = await redis.hgetall(redisKeys.knowledge);
  const old = Object.entries(fields).flatMap(([file, text]) => {
    const field = fieldOf(text);
    return field === undefined || now - field.announced > forgottenAfterMs ? [file] : [];
  });
  if (old.length > 0) await redis.hdel(redisKeys.knowledge, ...old);
}

function freshEntry(text: string, now: number): KnowledgeEntry[] {
  const field = fieldOf(text);
  return field === undefined || now - field.announced > staleAfterMs ? [] : [field.entry];
}

function fieldOf(text: string): Field | undefined {
  try {
    return Field.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: somebody else wrote it.
    return undefined;
  }
}

/** Redis' clock, so that workers and edges need not agree on the time. */
async function nowOf(redis: Redis): Promise<number> {
  const [seconds] = await redis.time();
  return Number(seconds) * 1_000;
}

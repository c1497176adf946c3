import { randomUUID } from "node:crypto";
import type { connectRedis } from "@parley/bus";
import { sharedKeyPrefixes } from "@parley/protocol";
import { z } from "zod";

type Redis = ReturnType<typeof connectRedis>;

export const blockable = ["address", "user"] as const;

/** Somebody who is kept out for a time. */
export const Block = z.object({
  kind: z.enum(blockable),
  /** The address as limits count it, or the user's id. */
  id: z.string().min(1),
  until_ms: z.number(),
  /** How many blocks in a row for what they did; 0: a person wants it. */
  nth: z.number().int().nonnegative(),
  by: z.string(),
  reason: z.string(),
  ts: z.number(),
});
export type Block = z.infer<typeof Block>;
export type Blocked = Pick<Block, "kind" | "id">;

/** More are not kept: those that end first go. */
const maxBlocks = 10_000;
/** Who behaves for so long after a block begins anew with the shortest one. */
const rememberedMs = 24 * 60 * 60_000;

const { blocks: prefix } = sharedKeyPrefixes;
const endsKey = `${prefix}ends`;
const markKey = `${prefix}mark`;

const nameOf = ({ kind, id }: Blocked): string => `${kind} ${id}`;
const detailsKey = (blocked: Blocked): string => `${prefix}of:${nameOf(blocked)}`;

function blockedOf(name: string): Blocked | undefined {
  const [kind = "", ...id] = name.split(" ");
  const known = blockable.find((one) => one === kind);
  return known === undefined ? undefined : { kind: known, id: id.join(" ") };
}

/** What holds, and until when, ms since 1970. */
export interface BlockEnd extends Blocked {
  readonly untilMs: number;
}

export type BlockList = ReturnType<typeof createBlockList>;

/**
 * Blocks in Redis, where all edges find them: the ends in one sorted set, what else is known of each in a key of its own, which outlives the block by a day so that the next one is
 * longer. A mark is another one after each change (not a number, which a Redis that lost its data counts anew), so that who asks every second asks for the mark. Each call rejects when Redis is away.
 */
export function createBlockList(redis: Redis) {
  const details = async (blocked: Blocked): Promise<Block | undefined> => read(await redis.get(detailsKey(blocked)));

  return {
    details,

    /** The mark of the last change. */
    version: async (): Promise<string> => (await redis.get(markKey)) ?? "",

    ends: () => ends(redis),

    async put(block: Block): Promise<void> {
      const nowMs = Date.now();
      const keepMs = Math.max(1, block.until_ms - nowMs) + rememberedMs;
      const changes = redis
        .multi()
        .zadd(endsKey, block.until_ms, nameOf(block))
        .set(detailsKey(block), JSON.stringify(block), "PX", keepMs)
        .zremrangebyscore(endsKey, "-inf", nowMs)
        .zremrangebyrank(endsKey, 0, -(maxBlocks + 1))
        .set(markKey, randomUUID());
      await commit(changes);
    },

    /** Returns whether there was one. Its length is forgotten as well. */
    async remove(blocked: Blocked): Promise<boolean> {
      const changes = redis.multi().zrem(endsKey, nameOf(blocked)).del(detailsKey(blocked)).set(markKey, randomUUID());
      const [removed] = await commit(changes);
      return Number(removed) > 0;
    },

    /** What is known of them, in their order. */
    async all(blocks: readonly Blocked[]): Promise<(Block | undefined)[]> {
      if (blocks.length === 0) return [];
      return (await redis.mget(blocks.map(detailsKey))).map(read);
    },
  };
}

async function ends(redis: Redis): Promise<BlockEnd[]> {
  const found = await redis.zrange(endsKey, Date.now(), "+inf", "BYSCORE", "LIMIT", 0, maxBlocks, "WITHSCORES");
  return found.flatMap((name, index) => {
    const blocked = index % 2 === 0 ? blockedOf(name) : undefined;
    return blocked === undefined ? [] : [{ ...blocked, untilMs: Number(found[index + 1]) }];
  });
}

/** Errors of single commands come as results. */
async function commit(changes: ReturnType<Redis["multi"]>): Promise<unknown[]> {
  const results = await changes.exec();
  if (results === null) throw new Error("Redis did not carry the change out");
  return results.map(([error, result]) => {
    if (error !== null) throw error;
    return result;
  });
}

function read(text: string | null): Block | undefined {
  if (text === null) return undefined;
  try {
    return Block.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

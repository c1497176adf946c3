import { jetstreamManager } from "@nats-io/jetstream";
import type { Bus, connectRedis } from "@parley/bus";
import { sleep } from "@parley/runtime";

/** Where one of some words stands, in whatever is stored: subjects, headers and data of every message of every stream. */
export async function searchStreams(
  { nc }: Pick<Bus, "nc">,
  words: readonly string[],
  open = (data: Uint8Array): Uint8Array => data,
): Promise<string[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const found: string[] = [];
  for await (const { config, state } of jsm.streams.list()) {
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await jsm.streams.getMessage(config.name, { seq });
      if (message === null) continue;
      const headers = [...message.header].map(([name, values]) => `${name}: ${values.join(",")}`).join("\n");
      const text = [message.subject, headers, Buffer.from(open(message.data)).toString()].join("\n");
      for (const word of words)
        if (text.includes(word)) found.push(`${config.name} ${message.subject} ${word}: ${text}`);
    }
  }
  return found;
}

/** What is still there of some words: nothing as soon as that is so, and after `withinMs` whatever has stayed. */
export async function leftInStreams(
  bus: Pick<Bus, "nc">,
  words: readonly string[],
  withinMs: number,
): Promise<string[]> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const left = await searchStreams(bus, words);
    if (left.length === 0 || performance.now() > deadline) return left;
    await sleep(100);
  }
}

type Redis = ReturnType<typeof connectRedis>;

/** The same in all keys of Redis, and in what they hold. */
export async function searchRedis(redis: Redis, words: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const key of await redis.keys("*")) {
    const held = JSON.stringify([key, await valueOf(redis, key)]);
    for (const word of words) if (held.includes(word)) found.push(`${key} ${word}: ${held}`);
  }
  return found;
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case "string":
      return redis.get(key);
    case "hash":
      return redis.hgetall(key);
    case "zset":
      return redis.zrange(key, 0, "-1", "WITHSCORES");
    case "set":
      return redis.smembers(key);
    case "list":
      return redis.lrange(key, 0, -1);
    default:
      return undefined;
  }
}

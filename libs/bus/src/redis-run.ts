import type { Redis } from "ioredis";

/**
 * Which process of Redis answers: one that was started again, or another one in its place, may lack what the one before had acknowledged. Asked once for
 * each connection.
 */
export function createRedisRun(redis: Redis) {
  let known: Promise<string> | undefined;
  const forget = (): void => void (known = undefined);
  redis.on("close", forget);

  return {
    /** Rejects while Redis is away. */
    current(): Promise<string> {
      known ??= redis.info("server").then((text) => {
        const run = /^run_id:(\w+)/m.exec(text)?.[1];
        if (run === undefined) throw new Error("Redis does not say which process it is");
        return run;
      });
      known.catch(forget);
      return known;
    },
  };
}

import type { Logger } from "@parley/runtime";
import type { Redis } from "ioredis";

const againMs = 60_000;

/** How Redis says that its user lacks a right, of a command, of a key, or within a script. */
function isRefusedByRights(error: unknown): error is Error {
  return error instanceof Error && /^NOPERM|executing the script can't/.test(error.message);
}

/**
 * Tells, at most once a minute, that Redis lets this process in and refuses what it asks. Each caller has a fallback for a Redis that fails, so that without this
 * line nobody would learn why limits are counted by each edge alone.
 */
export function reportRefusals(redis: Redis, { role, log }: { readonly role: string; readonly log: Logger }): void {
  let quietUntilMs = -Infinity;
  const look = (error: unknown): void => {
    if (!isRefusedByRights(error) || performance.now() < quietUntilMs) return;
    quietUntilMs = performance.now() + againMs;
    const reason = `the user in REDIS_URL lacks a right: give Redis the users of this version (deploy/redis/users.acl). Redis says: ${error.message}`;
    log.error({ role, reason }, "Redis refuses what this process needs");
  };
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    command.promise.catch(look);
    return send(command, stream);
  };
}

import { sleep, withDeadline } from "@parley/runtime";

export type EventuallyOptions = {
  /** Subject of the error message: "the second viewer" did not … */
  what: string;
  timeoutMs?: number;
  intervalMs?: number;
};

type Absent = false | null | undefined;

/**
 * Asks again until `ask` returns something other than false, null or undefined, and returns that. A throw counts as "not
 * yet" and becomes the cause of the error when the time is over.
 */
export async function eventually<T>(
  ask: () => T | Absent | Promise<T | Absent>,
  { what, timeoutMs = 5000, intervalMs = 10 }: EventuallyOptions,
): Promise<T> {
  const endsAt = performance.now() + timeoutMs;
  let lastError: unknown;
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = endsAt - performance.now()) {
    try {
      const answer = await withDeadline(Promise.resolve(ask()), leftMs, what);
      if (answer !== false && answer !== null && answer !== undefined) return answer;
    } catch (error) {
      lastError = error;
    }
    await sleep(intervalMs);
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: lastError });
}

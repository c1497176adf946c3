import { DeadlineError } from "@parley/runtime";

/**
 * What Redis says, if it says it in time; else a DeadlineError. A process that was busy for longer than that finds the time over before it gets to read an
 * answer that has been there for long: that is read first, and counts.
 */
export async function answeredWithin<T>(answer: PromiseLike<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void => reject(new DeadlineError("the answer of Redis", deadlineMs));
    timer = setTimeout(() => setImmediate(() => setImmediate(giveUp)), deadlineMs);
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

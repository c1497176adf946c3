import { ChatError } from "@parley/protocol";
import { createGate } from "@parley/runtime";

interface FairGateOptions {
  /** What is worked on at once; others wait. */
  readonly atOnce: number;
  /** What of one user is worked on or waits: whoever asks for more is told to come later. */
  readonly perUser: number;
}

const retryAfterMs = 1_000;

/** For work that takes many look-ups: one user's requests cannot make all others wait. Rejects with RATE_LIMITED, and with what the work throws. */
export function createFairGate({ atOnce, perUser }: FairGateOptions) {
  const enter = createGate(atOnce);
  const waiting = new Map<string, number>();
  return async <T>(userId: string, work: () => Promise<T>): Promise<T> => {
    const before = waiting.get(userId) ?? 0;
    if (before >= perUser) throw new ChatError("RATE_LIMITED", { retryAfterMs });
    waiting.set(userId, before + 1);
    try {
      return await enter(work);
    } finally {
      const left = (waiting.get(userId) ?? 1) - 1;
      if (left === 0) waiting.delete(userId);
      else waiting.set(userId, left);
    }
  };
}

import type { ScriptStep } from "./stream-script.ts";

/** One write to the socket; after it the player looks whether the reader still keeps up. */
const MAX_WRITE_LENGTH = 16 * 1024;

/** A script's way to end, its plain end included. */
export type ScriptEnd = Exclude<ScriptStep, { kind: "send" }> | { kind: "end" };

/** What may be sent now, and what comes next: an end, or a wait for the next token (0 = there is more at once). */
export type Batch = { text: string; tokens: number; waitMs: number; ending?: ScriptEnd };

export type Pace = {
  /** 0 = everything at once. */
  tokensPerSecond: number;
  /** When the first token is due. */
  startMs: number;
};

/**
 * Cuts a script into what is due. Tokens that are overdue (a slow reader, a busy process) come at once, so that the
 * rate holds on average.
 */
export function createBatches(script: Iterator<ScriptStep, void>, { tokensPerSecond, startMs }: Pace) {
  let sent = 0;
  let pending: ScriptStep | undefined;

  function dueMs(): number {
    return startMs + (tokensPerSecond === 0 ? 0 : (sent * 1000) / tokensPerSecond);
  }

  return {
    next(nowMs: number): Batch {
      const batch: Batch = { text: "", tokens: 0, waitMs: 0 };
      while (batch.text.length < MAX_WRITE_LENGTH) {
        pending ??= script.next().value ?? undefined;
        if (pending === undefined) return { ...batch, ending: { kind: "end" } };
        if (pending.kind !== "send") return { ...batch, ending: pending };
        const waitMs = pending.tokens === 0 ? 0 : dueMs() - nowMs;
        if (waitMs > 0) return { ...batch, waitMs };
        batch.text += pending.text;
        batch.tokens += pending.tokens;
        sent += pending.tokens;
        pending = undefined;
      }
      return batch;
    },
  };
}

import type { StreamState } from "@parley/bus";

/**
 * What is known of a stream ends below what came of it: it lost its end, and goes on with other events under the same sequences; or the server that answers
 * stood still, and tells how the stream was until it hears of the one that leads it now.
 */
export const believedAfterMs = 2_000;

/** "shorter": it may be, and must be asked again. */
export type StreamVerdict = "same" | "shorter" | "other";

interface Known {
  readonly createdMs: number;
  /** `last`: the sequence of the newest event that came. */
  readonly intake: { readonly last: number };
}

/** Tells whether a stream is still the one that is known. */
export function createStreamJudge() {
  let shorterSinceMs: number | undefined;
  return (stream: StreamState, { createdMs, intake }: Known, nowMs = performance.now()): StreamVerdict => {
    const isShorter = stream.createdMs === createdMs && stream.lastSeq < intake.last;
    if (!isShorter) {
      shorterSinceMs = undefined;
      return stream.createdMs === createdMs ? "same" : "other";
    }
    shorterSinceMs ??= nowMs;
    return nowMs - shorterSinceMs < believedAfterMs ? "shorter" : "other";
  };
}

export type StreamJudge = ReturnType<typeof createStreamJudge>;

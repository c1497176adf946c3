import type { Limits } from "@parley/protocol";
import type { Connection } from "../delivery/connection.ts";
import { tooFast, type LimitRefusals } from "./limit-refusals.ts";
import { chargeTo, fullBucket, isFlooded } from "./rate-bucket.ts";

export interface FrameLimitsDeps {
  readonly current: () => Limits;
  readonly refusals: LimitRefusals;
}

const everyMs = 1_000;

export type FrameLimits = ReturnType<typeof createFrameLimits>;

/** Frames and bytes of each socket: two pairs of numbers, from its first frame on. */
export function createFrameLimits({ current, refusals }: FrameLimitsDeps) {
  /** One frame. Undefined: it may be handled. `isFlood`: its sender goes on although it was told to wait, and is to be closed. */
  return (connection: Connection, sizeBytes: number) => {
    if (connection.isExempt) return undefined;
    const nowMs = performance.now();
    const { frames_per_socket: frameRate, bytes_per_socket: byteRate } = current();
    const flow = (connection.flow ??= { frames: fullBucket(frameRate, nowMs), bytes: fullBucket(byteRate, nowMs) });
    const framesMs = chargeTo(flow.frames, 1, { ...frameRate, everyMs }, nowMs);
    const bytesMs = chargeTo(flow.bytes, sizeBytes, { ...byteRate, everyMs }, nowMs);
    const waitMs = Math.max(framesMs, bytesMs);
    if (waitMs === 0) return undefined;
    // No offence: who is told to wait and does is well-behaved, and who does not is closed, which is one.
    refusals.count(framesMs > 0 ? "frames_per_socket" : "bytes_per_socket");
    return { error: tooFast(waitMs), isFlood: isFlooded(flow.frames, frameRate) || isFlooded(flow.bytes, byteRate) };
  };
}

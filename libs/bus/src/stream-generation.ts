import type { StreamInfo } from "@nats-io/jetstream";
import { generationKey } from "@parley/protocol";

/** Milliseconds since 1970 as they are stored; nothing else is believed. */
const stored = /^[1-9][0-9]{0,15}$/;

/**
 * Metadata of a stream that is made at this time, which it keeps as long as it lives. No two processes send the same, so NATS refuses all but the first
 * who make a stream at once, and whoever makes one that is there; it would accept the same configuration, and count the stream as made anew.
 */
export function generationMadeAt(ms: number): Record<string, string> {
  return { [generationKey]: String(ms) };
}

/**
 * When a stream was made, ms since 1970. The broker's own word (`created`) moves while the stream lives, so it counts only where no process has said more:
 * a single server (2.9.10, 2.12.1, 2.12.15) whose stream gets other settings tells after its next start when it was started before; servers of a cluster (2.12.1)
 * that come back tell when a process last asked for the stream, which was there already (seen: 15 s later, all events in place).
 */
export function generationOf({ created, config }: Pick<StreamInfo, "created" | "config">): number {
  const ms = config.metadata?.[generationKey];
  return ms !== undefined && stored.test(ms) ? Number(ms) : Date.parse(created);
}

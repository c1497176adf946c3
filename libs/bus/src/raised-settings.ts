import type { StreamConfig } from "@nats-io/jetstream";

/** Settings of which none (0 or -1) means no limit. */
const limitsOfStream = ["max_age", "max_bytes", "max_msgs", "max_msgs_per_subject", "max_msg_size"] as const;
/** Settings of which more is more. */
const amounts = ["num_replicas", "duplicate_window"] as const;
/** What a stream must have for Parley to be right; it can be switched on, and is never switched off. */
const switches = ["allow_direct", "discard_new_per_subject"] as const;

/** The higher of two limits, where 0 and less is no limit at all. */
export function highest(one: number, other: number): number {
  if (one <= 0) return one;
  return other <= 0 ? other : Math.max(one, other);
}

type WantedSettings = { readonly [Name in keyof StreamConfig]?: StreamConfig[Name] | undefined };

/**
 * The settings of a stream that exists, with what this process needs: limits are raised and never lowered, subjects and copies added and never
 * taken away, and whatever else a newer version or an operator has set stays. Undefined: it has all of it. To lower a limit is for people: by
 * then they have looked at what is stored.
 */
export function raisedTo(found: StreamConfig, wanted: WantedSettings): StreamConfig | undefined {
  const raised: StreamConfig = { ...found };
  for (const name of limitsOfStream) {
    raised[name] = highest(found[name], wanted[name] ?? found[name]);
  }
  for (const name of amounts) raised[name] = Math.max(found[name], wanted[name] ?? 0);
  for (const name of switches) if (wanted[name] === true) raised[name] = true;
  raised.subjects = [...new Set([...found.subjects, ...(wanted.subjects ?? [])])];
  if (found.republish === undefined && wanted.republish !== undefined) raised.republish = wanted.republish;
  // Those that are there first: it is compared with their order.
  if (wanted.metadata !== undefined) raised.metadata = { ...found.metadata, ...wanted.metadata, ...found.metadata };
  return isSame(raised, found) ? undefined : raised;
}

function isSame(one: StreamConfig, other: StreamConfig): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What the workers' consumer says of those that hold its turns or wait for some. */
export interface ConsumerUse {
  /** Turns that some worker has. */
  readonly delivered: number;
  readonly pullsWait: number;
}

/**
 * The ack wait that a worker sets where it finds another one. Longer takes effect at once: whoever beats for the shorter one beats often enough.
 * Shorter would take turns from workers of an older version, which beat for what they were configured with: it is set when no worker is there, or
 * when the deployment had its time to replace them (`hadTime`).
 */
export function ackWaitFor(
  foundMs: number,
  wantedMs: number,
  { delivered, pullsWait }: ConsumerUse,
  hadTime: boolean,
): number {
  const isAlone = delivered === 0 && pullsWait === 0;
  return wantedMs >= foundMs || isAlone || hadTime ? wantedMs : foundMs;
}

import { DiscardPolicy, RetentionPolicy, StorageType, type JetStreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { limits, streams, subjects } from "@parley/protocol";
import type { StreamOptions } from "./stream-configs.ts";
import { ensureStream } from "./stream-setup.ts";

/** Makes the stream of what turns have used, which agent workers write and edges read. Nobody raises its settings. */
export async function setUpUsage(
  jsm: JetStreamManager,
  { replicas, usageKeepMs, usageMaxBytes }: Pick<StreamOptions, "replicas" | "usageKeepMs" | "usageMaxBytes">,
): Promise<void> {
  const config = {
    name: streams.usage,
    subjects: [subjects.allUsage],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_age: nanos(usageKeepMs),
    max_bytes: usageMaxBytes,
    duplicate_window: nanos(limits.duplicateWindowMs),
    // Quotas need what is newest: the oldest goes first, and no answer waits for room.
    discard: DiscardPolicy.Old,
    allow_direct: true,
  };
  await ensureStream(jsm, config, false);
}

import { RetentionPolicy, StorageType, type JetStreamManager } from "@nats-io/jetstream";
import { streams, subjects } from "@parley/protocol";
import type { StreamOptions } from "./stream-configs.ts";
import { ensureStream } from "./stream-setup.ts";

/** Makes the stream of holds, erasures and leases, which edges use. Nobody raises its settings. */
export async function setUpPrivacy(
  jsm: JetStreamManager,
  { replicas }: Pick<StreamOptions, "replicas">,
): Promise<void> {
  const config = {
    name: streams.privacy,
    subjects: [subjects.allPrivacy],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    // No hold may go because there are many, and no wish to be forgotten be refused: each is a few hundred bytes.
    allow_direct: true,
  };
  await ensureStream(jsm, config, false);
}

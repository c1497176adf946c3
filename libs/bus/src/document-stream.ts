import { DiscardPolicy, RetentionPolicy, StorageType, type JetStreamManager } from "@nats-io/jetstream";
import { documentStoreLimits, streams, subjects } from "@parley/protocol";
import type { StreamOptions } from "./stream-configs.ts";
import { ensureStream } from "./stream-setup.ts";

/** Makes the stream of the tenants' documents, for who uses them. Nobody raises its settings. */
export async function setUpDocuments(
  jsm: JetStreamManager,
  { replicas }: Pick<StreamOptions, "replicas">,
): Promise<void> {
  const config = {
    name: streams.documents,
    subjects: [subjects.allDocuments],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    max_bytes: documentStoreLimits.allBytes,
    // Nobody's document makes room for another one.
    discard: DiscardPolicy.New,
    allow_direct: true,
  };
  await ensureStream(jsm, config, false);
}

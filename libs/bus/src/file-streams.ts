import { DiscardPolicy, RetentionPolicy, StorageType, type JetStreamManager } from "@nats-io/jetstream";
import { streams, subjects } from "@parley/protocol";
import type { FileSealing } from "./file-store-sealed.ts";
import type { GateLogDeps } from "./gate-log.ts";
import type { StreamOptions } from "./stream-configs.ts";
import { ensureStream } from "./stream-setup.ts";

/** What the records and the bytes at the broker are read and written by. */
export interface FileStreamDeps extends Pick<GateLogDeps, "jsm" | "append" | "unreadable"> {
  /** Make the streams where they are missing. */
  readonly setUpRecords: () => Promise<void>;
  readonly setUpBytes: () => Promise<void>;
  /** Undefined: nothing is encrypted. */
  readonly sealing?: FileSealing | undefined;
}

/** The stream of the records, for who uses files. Nobody raises its settings. */
export async function setUpFiles(jsm: JetStreamManager, { replicas }: Pick<StreamOptions, "replicas">): Promise<void> {
  const config = {
    name: streams.files,
    subjects: [...subjects.allFiles],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    // Each record is bounded, and so is what a user may bring; what is to be forgotten must always find room.
    allow_direct: true,
  };
  await ensureStream(jsm, config, false);
}

/** The bucket of their bytes, as object stores of NATS are made, so that its own tools read it. */
export async function setUpFileBytes(
  jsm: JetStreamManager,
  { replicas }: Pick<StreamOptions, "replicas">,
  maxBytes: number,
): Promise<void> {
  const config = {
    name: streams.fileBytes,
    subjects: [...subjects.allFileBytes],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_bytes: maxBytes,
    // Nobody's file makes room for another one.
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
    allow_direct: true,
  };
  await ensureStream(jsm, config, false);
}

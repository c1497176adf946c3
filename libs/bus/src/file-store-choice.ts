import type { FileStreamDeps } from "./file-streams.ts";
import { createNatsFileStore } from "./file-store-nats.ts";
import { createSealedFileStore } from "./file-store-sealed.ts";
import { createS3FileStore, type S3Settings } from "./file-store-s3.ts";
import type { FileStore } from "./file-store.ts";

export type FileStoreOptions =
  | {
      readonly kind: "nats";
      /** Disk that the bucket may use, where this process makes it. */
      readonly maxBytes: number;
    }
  | ({ readonly kind: "s3" } & S3Settings);

export const defaultFileStoreBytes = 10 * 2 ** 30;

/** Opens nothing before it is used. */
export function createFileStore(options: FileStoreOptions, deps: FileStreamDeps): FileStore {
  const store = options.kind === "s3" ? createS3FileStore(options) : createNatsFileStore(deps);
  return deps.sealing === undefined ? store : createSealedFileStore(store, deps.sealing);
}

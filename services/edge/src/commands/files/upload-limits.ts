import type { FileQuota } from "@parley/bus";
import type { Caller } from "@parley/protocol";

/** Who brings a file. */
export interface Bringer {
  readonly caller: Caller;
  /** No limit of rates applies. */
  readonly isExempt: boolean;
}

/** What bringing files may cost, as whoever counts it says. */
export interface UploadLimits {
  /** A place for one upload, until the returned function is called. Throws RATE_LIMITED, or OVERLOADED. */
  take(bringer: Bringer): () => void;
  /** A new file. Throws RATE_LIMITED. */
  begin(bringer: Bringer): Promise<void>;
  /** What may be kept. */
  quota(): FileQuota;
  /** Somebody has more than they may keep. */
  quotaMet(limit: "files_per_user"): void;
}

import type { FileQuota } from "@parley/bus";
import type { Spender } from "../message-limits.ts";

/** What bringing files may cost, as whoever counts it says. */
export interface UploadLimits {
  /** A place for one upload, until the returned function is called. Throws RATE_LIMITED, or OVERLOADED. */
  take(spender: Spender): () => void;
  /** A new file. Throws RATE_LIMITED. */
  begin(spender: Spender): Promise<void>;
  /** What may be kept. */
  quota(): FileQuota;
  /** Somebody has more than they may keep. */
  quotaMet(limit: "files_per_user"): void;
}

import { ChatError, fileLimits, type CountName, type Limits } from "@parley/protocol";
import type { UploadLimits } from "../commands/files/upload-limits.ts";
import type { SharedRates } from "./limit-rates.ts";
import type { LimitRefusals } from "./limit-refusals.ts";

export interface UploadLimitsDeps {
  readonly current: () => Limits;
  readonly rates: SharedRates;
  readonly refusals: LimitRefusals;
}

/** Of one process, whoever sends: each takes up to 3 MB of it. */
const mostUploads = 64;
const retryMs = 2_000;

/** What bringing files may cost. */
export function createUploadLimits({ current, rates, refusals }: UploadLimitsDeps): UploadLimits {
  const places = createPlaces();
  const refused = (limit: CountName): ChatError => {
    refusals.count(limit);
    const message = "Too many files are being sent at the moment. Wait for one of them.";
    return new ChatError("RATE_LIMITED", { message, retryAfterMs: retryMs });
  };

  return {
    /** A place for one upload, until the returned function is called. Throws RATE_LIMITED, or OVERLOADED. */
    take({ caller, isExempt }) {
      if (places.open() >= mostUploads) {
        const message = "Too many files are being sent at the moment. Try again.";
        throw new ChatError("OVERLOADED", { message, retryAfterMs: retryMs });
      }
      if (isExempt) return places.take([]);
      const user = `user ${JSON.stringify([caller.tenant ?? null, caller.user.id])}`;
      const address = `address ${caller.address ?? ""}`;
      const { uploads_per_user: ofUser, uploads_per_address: ofAddress } = current();
      if (places.of(user) >= ofUser) throw refused("uploads_per_user");
      if (places.of(address) >= ofAddress) throw refused("uploads_per_address");
      return places.take([user, address]);
    },

    /** A new file. Throws RATE_LIMITED. */
    async begin(spender) {
      if (spender.isExempt) return;
      const waitMs = await rates.consume("new_files_per_user", spender.caller.user.id);
      if (waitMs > 0) throw refusals.rate("new_files_per_user", waitMs, spender);
    },

    /** What may be kept. Holds for exempt addresses too: the disk is everybody's. */
    quota() {
      const limits = current();
      return {
        userFiles: Math.min(limits.files_per_user, fileLimits.filesOfUser),
        userBytes: limits.file_bytes_per_user,
        tenantBytes: limits.file_bytes_per_tenant,
      };
    },

    /** Somebody has more than they may keep. */
    quotaMet: refusals.count,
  };
}

/** How many are open, of whom. */
function createPlaces() {
  const counts = new Map<string, number>();
  let open = 0;
  return {
    open: (): number => open,
    of: (name: string): number => counts.get(name) ?? 0,
    take(names: readonly string[]): () => void {
      open++;
      for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
      let isFree = false;
      return () => {
        if (isFree) return;
        isFree = true;
        open--;
        for (const name of names) {
          const left = (counts.get(name) ?? 1) - 1;
          if (left === 0) counts.delete(name);
          else counts.set(name, left);
        }
      };
    },
  };
}

import type { FileQuota } from "@parley/bus";
import { ChatError, fileLimits, type CountName, type Limits } from "@parley/protocol";
import type { Spender } from "../commands/message-limits.ts";
import type { SharedRates } from "./limit-rates.ts";
import type { LimitRefusals } from "./limit-refusals.ts";

export interface UploadLimitsDeps {
  readonly current: () => Limits;
  readonly rates: SharedRates;
  readonly refusals: LimitRefusals;
}

export type UploadLimits = ReturnType<typeof createUploadLimits>;

/** Of one process, whoever sends: each takes up to 3 MB of it. */
const mostUploads = 64;
const retryMs = 2_000;

/** What bringing files may cost. */
export function createUploadLimits({ current, rates, refusals }: UploadLimitsDeps) {
  const users = new Map<string, number>();
  const addresses = new Map<string, number>();
  let open = 0;

  const refused = (limit: CountName): ChatError => {
    refusals.count(limit);
    const message = "Too many files are being sent at the moment. Wait for one of them.";
    return new ChatError("RATE_LIMITED", { message, retryAfterMs: retryMs });
  };
  const demandRoom = (user: string, address: string): void => {
    const { uploads_per_user: ofUser, uploads_per_address: ofAddress } = current();
    if (open >= mostUploads) {
      const message = "Too many files are being sent at the moment. Try again.";
      throw new ChatError("OVERLOADED", { message, retryAfterMs: retryMs });
    }
    if ((users.get(user) ?? 0) >= ofUser) throw refused("uploads_per_user");
    if ((addresses.get(address) ?? 0) >= ofAddress) throw refused("uploads_per_address");
  };

  return {
    open: (): number => open,

    /** A place for one upload, until the returned function is called. Throws RATE_LIMITED, or OVERLOADED. */
    take({ caller, isExempt }: Spender): () => void {
      const [user, address] = [JSON.stringify([caller.tenant ?? null, caller.user.id]), caller.address ?? ""];
      if (isExempt && open < mostUploads) return counted([]);
      demandRoom(user, address);
      return counted([
        [users, user],
        [addresses, address],
      ]);
    },

    /** A new file. Throws RATE_LIMITED. */
    async begin(spender: Spender): Promise<void> {
      if (spender.isExempt) return;
      const waitMs = await rates.consume("new_files_per_user", spender.caller.user.id);
      if (waitMs > 0) throw refusals.rate("new_files_per_user", waitMs, spender);
    },

    /** What may be kept. Holds for exempt addresses too: the disk is everybody's. */
    quota(): FileQuota {
      const limits = current();
      return {
        userFiles: Math.min(limits.files_per_user, fileLimits.filesOfUser),
        userBytes: limits.file_bytes_per_user,
        tenantBytes: limits.file_bytes_per_tenant,
      };
    },

    /** Somebody has more than they may keep. */
    quotaMet: (limit: CountName): void => refusals.count(limit),
  };

  function counted(places: readonly (readonly [Map<string, number>, string])[]): () => void {
    open++;
    for (const [counts, name] of places) counts.set(name, (counts.get(name) ?? 0) + 1);
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      open--;
      for (const [counts, name] of places) {
        const left = (counts.get(name) ?? 1) - 1;
        if (left === 0) counts.delete(name);
        else counts.set(name, left);
      }
    };
  }
}

import type { Spent } from "@parley/protocol";
import type { QuotaAccount } from "./quota-names.ts";

const maxUntold = 10_000;
/** An end that could not be told for so long is in the stream, and in what Redis has been made of since. */
const untoldMs = 600_000;

/** Ends that could not be told: with the next thing that can. */
export function createUntold(
  tell: (account: QuotaAccount, total: Spent) => Promise<void>,
  forget: (account: QuotaAccount, total: Spent) => void,
) {
  const waiting = new Map<
    string,
    { readonly account: QuotaAccount; readonly total: Spent; readonly sinceMs: number }
  >();

  const keep = (account: QuotaAccount, total: Spent, sinceMs = performance.now()): void => {
    waiting.set(account.id, { account, total, sinceMs });
    const [oldest] = waiting.values();
    if (waiting.size <= maxUntold || oldest === undefined) return;
    waiting.delete(oldest.account.id);
    forget(oldest.account, oldest.total);
  };
  return {
    keep,
    catchUp(): void {
      if (waiting.size === 0) return;
      const late = [...waiting.values()];
      waiting.clear();
      for (const { account, total, sinceMs } of late) {
        if (performance.now() - sinceMs > untoldMs) {
          forget(account, total);
          continue;
        }
        void tell(account, total).catch(() => keep(account, total, sinceMs));
      }
    },
  };
}

import { createProgressTeller, type TurnStep } from "@parley/dialects";
import type { ServerContext } from "@modelcontextprotocol/server";

/** Lines that say little more than the one before. */
const minorEveryMs = 1_000;
const anyEveryMs = 50;
/** Of one call: a client that reads nothing has no more than this waiting for it, some 800 KB. */
const most = 2_000;

/** What a request of a client has for it. */
interface ProgressTarget {
  readonly mcpReq: Pick<ServerContext["mcpReq"], "_meta" | "notify">;
}

/** Tells a client that wants to know what happens to its call. `last`: what was told, or would have been. */
export function createProgress(ctx: ProgressTarget | undefined) {
  const teller = createProgressTeller();
  const progressToken = ctx?.mcpReq._meta?.progressToken;
  let progress = 0;
  let toldMs = -Infinity;
  return {
    get last(): string {
      return teller.last;
    },
    onSteps(steps: readonly TurnStep[]): void {
      for (const { message, isMinor } of teller.tell(steps)) {
        const nowMs = performance.now();
        if (progressToken === undefined || progress >= most) return;
        if (nowMs - toldMs < (isMinor ? minorEveryMs : progress < 20 ? 0 : anyEveryMs)) continue;
        toldMs = nowMs;
        progress++;
        const params = { progressToken, progress, message };
        // A client that is gone is told nothing.
        void ctx?.mcpReq.notify({ method: "notifications/progress", params }).catch(() => {});
      }
    },
  };
}

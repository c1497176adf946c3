import type { CallId, ToolJob, TurnId } from "@parley/protocol";
import type { Stopper } from "./execution.ts";

interface RunningCall {
  readonly job: ToolJob;
  readonly stopper: Stopper;
  readonly ended: Promise<unknown>;
}

export type RunningCalls = ReturnType<typeof createRunningCalls>;

/** The calls that this process has, by id. */
export function createRunningCalls() {
  const calls = new Map<CallId, RunningCall>();
  return {
    /**
     * Tracks `work` for as long as it takes. The queue can hand out a call that still runs here (it was added again after Redis had lost
     * it); that one waits for the first to end, so that a process never runs a call twice side by side.
     */
    async track<T>(job: ToolJob, stopper: Stopper, work: () => Promise<T>): Promise<T> {
      for (let earlier = calls.get(job.call_id); earlier !== undefined; earlier = calls.get(job.call_id)) {
        await earlier.ended.catch(() => undefined);
      }
      const ended = Promise.resolve().then(work);
      calls.set(job.call_id, { job, stopper, ended });
      try {
        return await ended;
      } finally {
        calls.delete(job.call_id);
      }
    },

    cancelTurn(turn: TurnId): void {
      for (const { job, stopper } of calls.values()) if (job.turn_id === turn) stopper.stop("cancelled");
    },

    /** Stops the calls whose turn was cancelled while nobody could tell us. */
    async cancelWhere(isCancelled: (job: ToolJob) => Promise<boolean>): Promise<void> {
      const check = async ({ job, stopper }: RunningCall): Promise<void> => {
        if (await isCancelled(job)) stopper.stop("cancelled");
      };
      await Promise.all([...calls.values()].map(check));
    },

    count: (): number => calls.size,
  };
}

import type { Handovers } from "@parley/bus";
import type { HandoverRecord } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";

export interface HandoverWatchDeps {
  readonly handovers: Pick<Handovers, "follow" | "expire">;
  /** How often it is looked whether there are any. */
  readonly everyMs: number;
  readonly onExpired: (record: HandoverRecord) => void;
  readonly log: Logger;
}

/** The broker's time is known to within what its answer takes: whoever looks at the very moment may find that it is not over. */
const lateMs = 250;

/**
 * Ends hand-overs to which nobody comes, or in which whoever came says nothing any more. Every worker looks; of two who end the same one the broker takes one. One look-up a
 * round where there are none.
 */
export function createHandoverWatch({ handovers, everyMs, onExpired, log }: HandoverWatchDeps) {
  const stopping = new AbortController();
  const follower = handovers.follow();
  let open: readonly HandoverRecord[] | undefined;

  const look = async (): Promise<void> => {
    open = await follower.open();
    for (const conversation of await follower.due()) {
      if (stopping.signal.aborted) return;
      const record = await handovers.expire(conversation);
      if (record?.state === "ended") onExpired(record);
    }
  };
  const nextMs = async (): Promise<number> => {
    const roundMs = everyMs * (0.5 + Math.random());
    const dueMs = await follower.untilNextMs().catch(() => roundMs);
    return Math.min(roundMs, Math.max(lateMs, dueMs + lateMs));
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(await nextMs(), stopping.signal);
      if (!stopping.signal.aborted)
        await look().catch((err: unknown) => log.debug({ err }, "the hand-overs could not be looked at"));
    }
  };
  void run();

  return {
    /** As this worker saw it last; undefined: it has not looked yet. */
    count: (state: "waiting" | "taken"): number | undefined => open?.filter((one) => one.state === state).length,
    close: (): void => stopping.abort(),
  };
}

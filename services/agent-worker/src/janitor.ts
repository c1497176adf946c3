import type { QueuedTurn, TurnQueue } from "@parley/bus";
import { sleep, type Logger } from "@parley/runtime";
import type { TurnRunner } from "./turn-runner.ts";

/**
 * `left behind`: the turn had ended, but its worker died before it told the queue, or the broker forgot (seen with 2.9.10 after a kill).
 * `orphaned`: not ended, and the broker will never deliver it again.
 */
export type JanitorFinding = "left behind" | "orphaned";

export interface JanitorDeps {
  readonly turns: TurnQueue;
  readonly runner: TurnRunner;
  readonly everyMs: number;
  readonly onFinding: (finding: JanitorFinding) => void;
  readonly log: Logger;
}

/** One sweep looks at this many turns at the most: what is wrong is old, and the oldest come first. */
const sweepLimit = 1_000;

/** Looks after turns that nobody would look after again. Every worker does; what two find at once, the claim decides. */
export function createJanitor({ turns, runner, everyMs, onFinding, log }: JanitorDeps) {
  const stopping = new AbortController();
  /** Ended turns of the sweep before: their own worker had its time to remove them. */
  let endedBefore = new Set<number>();

  const look = async (turn: QueuedTurn, settledUpTo: number, ended: Set<number>): Promise<void> => {
    if (runner.isRunning(turn.request.turn_id)) return;
    const lost = turn.seq <= settledUpTo;
    const first = await turns.first(turn.request.conversation_id);
    // What waits is ended, removed and run in its time: only the first of a conversation may leave the queue.
    if (first?.seq !== turn.seq) return;
    if (await turns.hasEnded(turn)) {
      ended.add(turn.seq);
      if (!lost && !endedBefore.has(turn.seq)) return;
      onFinding("left behind");
      return turns.removeFirst(turn.seq);
    }
    if (!lost) return;
    onFinding("orphaned");
    log.warn(
      { turn_id: turn.request.turn_id, conversation_id: turn.request.conversation_id },
      "a turn that the broker forgot is run",
    );
    const ack = async (): Promise<boolean> => {
      await turns.removeFirst(turn.seq);
      return true;
    };
    void runner.run({ ...turn, ack, nak() {}, working() {} });
  };

  const sweep = async (): Promise<void> => {
    const queued = await turns.scan(sweepLimit);
    // Asked after the scan: a turn that is acknowledged in between has ended and is only removed once more.
    const settledUpTo = await turns.settledUpTo();
    const ended = new Set<number>();
    for (const turn of queued) await look(turn, settledUpTo, ended);
    endedBefore = ended;
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      // Spread over the interval, so that workers that started together do not look together.
      await sleep(everyMs * (0.5 + Math.random()), stopping.signal);
      if (!stopping.signal.aborted)
        await sweep().catch((err: unknown) => log.debug({ err }, "the queue could not be looked at"));
    }
  };
  void run();

  return { sweep, close: (): void => stopping.abort() };
}

import type { Bus } from "@parley/bus";
import { sleep } from "@parley/runtime";

/**
 * Looks at the queue again and again and remembers each turn's place in it. A turn that overtook another one would have to run while that
 * one is queued, and every turn runs for longer than the time between two looks, so both would be seen.
 */
export interface QueueWatch {
  /** Place by turn. */
  readonly places: ReadonlyMap<string, number>;
  /** How many turns were seen behind another one of their conversation. */
  waited(): number;
  stop(): Promise<void>;
}

const lookEveryMs = 120;
const mostTurns = 2_000;

export function watchQueue({ turns }: Pick<Bus, "turns">): QueueWatch {
  const places = new Map<string, number>();
  const waited = new Set<string>();
  const stopping = new AbortController();

  const look = async (): Promise<void> => {
    const busy = new Set<string>();
    for (const queued of await turns.scan(mostTurns)) {
      const { seq, request } = queued;
      // The first place, of a turn that has not ended: a message sent again after a broker restart may be queued again, not to be run.
      if (!places.has(request.turn_id) && !(await turns.hasEnded(queued))) places.set(request.turn_id, seq);
      if (busy.has(request.conversation_id)) waited.add(request.turn_id);
      busy.add(request.conversation_id);
    }
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      // The broker may be away: that is what scenarios are for.
      await look().catch(() => undefined);
      await sleep(lookEveryMs, stopping.signal);
    }
  };
  const running = run();
  return {
    places,
    waited: () => waited.size,
    stop() {
      stopping.abort();
      return running;
    },
  };
}

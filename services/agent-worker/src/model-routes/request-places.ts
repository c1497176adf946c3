import { createFairQueue, type Party } from "../fair-queue.ts";
import { tooManyRequests } from "../model/model-error.ts";

export interface PlacesOptions {
  /** Requests that are open at a time. */
  readonly concurrent: number;
  /** Requests that wait. */
  readonly queued: number;
  readonly queueMs: number;
  /** How long one has waited that got a place, or gave up. */
  readonly onWaited?: (ms: number) => void;
}

interface Waiting {
  readonly seq: number;
  readonly party: Party;
  readonly go: (release: () => void) => void;
}

/** Told to those who find the queue full: when the first of it will have had its time. */
const leastRetryMs = 1_000;

export type RequestPlaces = ReturnType<typeof createRequestPlaces>;

/**
 * Places for requests to one server. Who finds none waits, handed out fairly among users (`createFairQueue`), for a bounded time, in a bounded number;
 * then it is MODEL_UNAVAILABLE, with the time after which it may be tried again. Nothing waits or is counted where there is a place.
 */
export function createRequestPlaces({ concurrent, queued, queueMs, onWaited = () => {} }: PlacesOptions) {
  const fair = createFairQueue<Waiting>();
  let open = 0;
  let seq = 0;

  const take = (party: Party): (() => void) => {
    const end = fair.begin(party);
    open++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      open--;
      end();
      handOut();
    };
  };
  const handOut = (): void => {
    if (open >= concurrent) return;
    const next = fair.next();
    next?.go(take(next.party));
  };

  return {
    /** A place, with how to give it back. Fails with MODEL_UNAVAILABLE, or with the signal's reason. */
    async acquire(party: Party, signal: AbortSignal): Promise<() => void> {
      signal.throwIfAborted();
      if (open < concurrent) return take(party);
      if (fair.size() >= queued) throw tooManyRequests(Math.max(leastRetryMs, queueMs));
      return waitFor(party, signal, { fair, seq: ++seq, queueMs, onWaited });
    },
    hasFree: (): boolean => open < concurrent,
    waiting: fair.size,
    open: (): number => open,
  };
}

interface Wait extends Pick<Required<PlacesOptions>, "queueMs" | "onWaited"> {
  readonly fair: ReturnType<typeof createFairQueue<Waiting>>;
  readonly seq: number;
}

function waitFor(party: Party, signal: AbortSignal, { fair, seq, queueMs, onWaited }: Wait): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const since = performance.now();
    const leave = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      onWaited(performance.now() - since);
    };
    const quit = (reason: unknown): void => {
      fair.remove(party, seq);
      leave();
      reject(reason);
    };
    const giveUp = (): void => quit(signal.reason);
    const timer = setTimeout(() => quit(tooManyRequests(queueMs)), queueMs);
    signal.addEventListener("abort", giveUp, { once: true });
    const go = (release: () => void): void => {
      leave();
      resolve(release);
    };
    fair.enter(party, { seq, party, go });
  });
}

import type { ModelClient, ModelRequest, OnEvents } from "../model/model.ts";

/** One of two requests for the same answer. */
export interface Runner {
  readonly client: ModelClient;
  readonly request: ModelRequest;
}

export interface HedgeOptions {
  /** How long the first may say nothing. */
  readonly afterMs: number;
  /** Who is asked beside it; undefined: nobody can be, at this moment. */
  readonly second: () => Runner | undefined;
  /** Before the first word of an answer, where both were asked: whose it is, and that the other one was asked in vain. */
  readonly onWon: (winner: "first" | "second") => void;
  /** With what the first is closed when the second has won. Undefined: it has done nothing wrong. */
  readonly tooSlow: () => unknown;
}

type Place = "first" | "second";

/**
 * One answer of two requests: where the first says nothing for a while a second one goes out, and whichever says something first is the answer; the
 * other one's connection is closed at once. Where one fails the other goes on, and the error of the first is told when both have.
 */
export async function streamHedged(
  first: Runner,
  signal: AbortSignal,
  onEvents: OnEvents,
  options: HedgeOptions,
): Promise<void> {
  const race = createRace(signal, onEvents, options);
  const running = race.run("first", first);
  try {
    const isSilent = await silentFor(options.afterMs, running, race.spoken);
    const second = isSilent ? options.second() : undefined;
    if (second === undefined) await running;
    else await race.winnerOf(running, race.run("second", second));
  } finally {
    race.close();
  }
  signal.throwIfAborted();
}

/** False: it has begun, or is over. */
function silentFor(ms: number, first: Promise<void>, spoken: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    const begun = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    first.then(begun, begun);
    void spoken.then(begun);
  });
}

function createRace(signal: AbortSignal, onEvents: OnEvents, { onWon, tooSlow }: HedgeOptions) {
  const stops = new Map<Place, AbortController>();
  let winner: Place | undefined;
  let tellSpoken = (): void => {};
  const spoken = new Promise<void>((resolve) => {
    tellSpoken = resolve;
  });

  const closeAll = (): void => {
    for (const stop of stops.values()) stop.abort(signal.reason);
  };
  signal.addEventListener("abort", closeAll, { once: true });

  const win = (place: Place): void => {
    winner = place;
    tellSpoken();
    if (place === "first") stops.get("second")?.abort();
    else stops.get("first")?.abort(tooSlow());
    if (stops.size > 1) onWon(place);
  };

  return {
    spoken,
    run(place: Place, { client, request }: Runner): Promise<void> {
      const stop = new AbortController();
      stops.set(place, stop);
      if (signal.aborted) stop.abort(signal.reason);
      const running = client.stream(request, stop.signal, (events) => {
        if (winner === undefined) win(place);
        if (winner === place) onEvents(events);
      });
      // The loser fails when it is closed, and nobody waits for it.
      running.catch(() => {});
      return running;
    },
    /** Fails with the winner's error, or with the first one's where none has said anything. */
    async winnerOf(first: Promise<void>, second: Promise<void>): Promise<void> {
      const ended = Promise.allSettled([first, second]);
      await Promise.race([spoken, ended]);
      await (winner === "second" ? second : first);
    },
    close(): void {
      signal.removeEventListener("abort", closeAll);
      closeAll();
    },
  };
}

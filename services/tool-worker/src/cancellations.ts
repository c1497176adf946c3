import type { Bus } from "@parley/bus";
import { parseEventSubject, subjects } from "@parley/protocol";
import type { Logger } from "@parley/runtime";
import type { CallLog } from "./call-log.ts";
import type { RunningCalls } from "./running-calls.ts";

export interface CancellationDeps {
  readonly bus: Pick<Bus, "events" | "onReconnect">;
  readonly shards: number;
  readonly calls: CallLog;
  readonly running: RunningCalls;
  readonly log: Logger;
}

/** Stops the calls of a turn when it is cancelled. Returns how to stop listening. */
export function listenForCancels({ bus, shards, calls, running, log }: CancellationDeps): () => void {
  const subscriptions = Array.from({ length: shards }, (_, shard) =>
    bus.events.subscribe(subjects.allLiveControl(shard), ({ subject }) => {
      const turn = parseEventSubject(subject)?.turn;
      if (turn !== undefined) running.cancelTurn(turn);
    }),
  );
  // What was cancelled while the connection was away was not heard.
  const stopListening = bus.onReconnect(() => {
    running.cancelWhere(calls.isCancelled).catch((err: unknown) => log.warn({ err }, "cancels could not be looked up"));
  });
  return () => {
    stopListening();
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

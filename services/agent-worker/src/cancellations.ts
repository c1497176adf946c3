import type { Bus, QueuedTurn, StoredMessage } from "@parley/bus";
import { decodeEvent, parseEventSubject, subjects, type TurnRequest } from "@parley/protocol";
import { sleep, type Logger } from "@parley/runtime";
import { withoutQueue, type TurnRunner } from "./turn-runner.ts";

export interface CancellationDeps {
  readonly bus: Pick<Bus, "events" | "turns" | "onReconnect" | "watchStreams">;
  readonly shards: number;
  readonly runner: TurnRunner;
  readonly log: Logger;
}

/** A worker that just claimed the turn shall have the first word: it reads the request to cancel itself. */
const settleMs = 50;

/** Whether somebody has asked to cancel a turn; read from the log. */
export function createCancelLookup({ events }: Pick<Bus, "events">) {
  return async ({ request: { conversation_id, turn_id } }: QueuedTurn): Promise<boolean> =>
    (await events.last(subjects.control(events.shardOf(conversation_id), conversation_id, turn_id))) !== undefined;
}

/**
 * Carries out requests to cancel. Every worker hears each one and stops the turn if it runs there; one of them (queue group) also ends the
 * turn if nobody has claimed it yet, so that a waiting turn is cancelled at once, whichever worker is busy.
 */
export function createCancellations({ bus, shards, runner, log }: CancellationDeps) {
  const { events, turns } = bus;
  const closing = new AbortController();
  const endUnclaimed = async ({ subject }: StoredMessage): Promise<void> => {
    const address = parseEventSubject(subject);
    if (address === undefined || runner.isRunning(address.turn)) return;
    const { shard, conversation, turn } = address;
    await sleep(settleMs);
    if ((await events.last(subjects.agent(shard, conversation, turn))) !== undefined) return;
    const queued = (await turns.waiting(conversation)).find(({ request }) => request.turn_id === turn);
    if (queued === undefined) return;
    // The claim decides between us and a worker that gets the turn at this moment; the claim also reads the request to cancel.
    await runner.run(withoutQueue(queued));
  };

  const onCancel = (message: StoredMessage): void => {
    const turn = parseEventSubject(message.subject)?.turn;
    const event = decodeEvent(message.data);
    if (turn !== undefined && event.type === "cancel_requested") runner.cancel(turn, event.reason);
  };

  const subscriptions = Array.from({ length: shards }, (_, shard) => [
    events.subscribe(subjects.allLiveControl(shard), onCancel),
    events.subscribe(
      subjects.allLiveControl(shard),
      (message) =>
        void endUnclaimed(message).catch((err: unknown) =>
          log.warn({ err }, "a waiting turn could not be cancelled yet"),
        ),
      { queue: "cancel" },
    ),
  ]).flat();

  const lookAgain = async ({ conversation_id, turn_id }: TurnRequest): Promise<void> => {
    const shard = events.shardOf(conversation_id);
    const found = await events.lastFromLeader(subjects.control(shard, conversation_id, turn_id));
    if (found?.event.type === "cancel_requested") runner.cancel(turn_id, found.event.reason);
  };
  const lookAtAll = (): void => {
    for (const request of runner.requests()) {
      lookAgain(request).catch((err: unknown) => log.warn({ err }, "a request to cancel could not be looked up"));
    }
  };
  // What was asked while the connection was away was not heard, nor what the leader of the stream took with it.
  const stopListening = bus.onReconnect(lookAtAll);
  bus.watchStreams(lookAtAll, closing.signal);

  return {
    close(): void {
      stopListening();
      closing.abort();
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

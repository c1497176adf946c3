import type { Dialect, SpeechEnds } from "@parley/dialects";
import { closeCodes, toChatError } from "@parley/protocol";
import type { Outbox } from "../delivery/outbox.ts";
import { countOne, type Counters } from "../figures/metrics.ts";
import type { CatchUp } from "../hub/catch-up.ts";
import type { HubConnection } from "../hub/hub.ts";
import type { HttpViewers } from "./http-viewers.ts";
import type { Call } from "./route.ts";
import { createSseSink, eventStreamHeaders, type SseSink } from "./sse-sink.ts";

export interface EventStreamDeps {
  readonly viewers: HttpViewers;
  readonly outbox: Outbox;
  readonly catchUp: CatchUp;
  readonly counters: Pick<Counters, "errors">;
}

export interface EventStream {
  readonly dialectOf: (ends: SpeechEnds) => Dialect;
  /** Has the connection look at a conversation. What it throws before the first byte was sent becomes the answer. */
  readonly begin: (connection: HubConnection, sink: SseSink) => Promise<void>;
  /** Beside those of every stream of events. */
  readonly headers?: Readonly<Record<string, string>>;
  /** See `createSseSink`. */
  readonly isWholeOrCut?: boolean;
  /** Called when all of it was sent, with its end. */
  readonly onWhole?: (() => void) | undefined;
}

/** Answers a request with what one conversation says, as its dialect says it, to the end that the dialect sees. */
export async function openEventStream(
  { viewers, outbox, catchUp, counters }: EventStreamDeps,
  { caller, exchange }: Call,
  { dialectOf, begin, onWhole, ...how }: EventStream,
): Promise<undefined> {
  if (exchange.method === "HEAD") {
    exchange.reply({ status: 200, headers: { ...eventStreamHeaders, ...how.headers }, body: "" });
    return undefined;
  }
  const sink = createSseSink({
    exchange,
    onDrained: () => drained(outbox, catchUp, connection),
    onDone(isWhole) {
      viewers.close(connection, "answered");
      if (isWhole) onWhole?.();
    },
    ...how,
  });
  const dialect = dialectOf({ onEnd: sink.finish, onCut: sink.cut });
  const onDeadline = (): void => outbox.close(connection, closeCodes.goingAway, "");
  const { whence } = exchange;
  const connection = viewers.open({
    caller,
    whence,
    dialect,
    sink,
    transport: "events",
    onDeadline,
    onBeat: sink.beat,
  });
  exchange.onGone(() => viewers.close(connection, "client"));
  try {
    await begin(connection, sink);
  } catch (error) {
    viewers.close(connection, "error");
    if (exchange.isOpen()) throw error;
    countOne(counters.errors, toChatError(error).code);
    sink.end(closeCodes.overloaded, "");
  }
  return undefined;
}

function drained(outbox: Outbox, catchUp: CatchUp, connection: HubConnection): void {
  if (!outbox.drained(connection)) return;
  for (const viewer of connection.viewers.values()) catchUp.catchUp(viewer);
}
